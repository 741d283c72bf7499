"""Turns labelled ultrasound stills into clips that help MMAction2 to recognize videos.

Importing it registers every part with MMAction2.  A subpackage imports only from those below it:

    commands/      the command lddm-aug: a module for each subcommand, which tools/ call as well
    browse/        pages of this machine: a still and its clip, a store's clips and their flags
    experiments/   the product tried: demo/, study/, table1/; benchmark/
    engine/        hooks/, and what trains a generator or a recognizer
    evaluation/    clips or scores → numbers with intervals
    preparation/   data sets as published → one form
    audit/         what is wrong with a data set, before anything is trained on it
    datasets/      what training reads: real videos, stills, stored clips, the mix of them; the data
                   preprocessor that makes clips on the training device
    synthesis/     stills → a store
    generators/    still + conditions + seed → clip; packages of them
    store/         clips on disk and their manifest
    models/        what a Runner trains: autoencoders, models of latents, recognizers
    networks/      modules that know shapes, not configs or files
    data/          what files say: tables, splits, frames
    visualization/ arrays → contact sheets, moving pictures, charts and pages
    functional/    pure tensor functions beside their equations
    checkpoints.py checkpoints found, and read, or refused in one message
    classes.py     names of classes, taken from what a user gives and compared
    compat.py      what is broken between the packages below, patched once
    configs.py     where configs lie, and what is chosen in them without editing a file
    discovery.py   imports what registers itself
    distributed.py processes that train together
    extras.py      what is not installed unless it is named
    files.py       atomic writes and hashes of files
    json_files.py  JSON whose form is checked when it is read
    hardware.py    devices, launchers and mixed precision, and whether they are there
    limits.py      what a file may take of memory and time
    locks.py       one writer at a time
    result_rows.py rows of measurements in a file
    resumable_steps.py   steps of a long command, which a second call doesn't repeat
    processes.py   processes that end with the one that began them
    seeds.py       seeds that don't depend on who draws
    version.py     of this package
    versions.py    with what something was made

`lint-imports` checks this order.  Visualization lies so low because audits, stores, evaluations and
trainings all draw with it; the page of a report lies with what it reports.
"""
from lddm_aug import compat
from lddm_aug.version import __version__

compat.apply_patches()

from lddm_aug import datasets, engine, evaluation, generators, models
from lddm_aug.discovery import import_named_modules

__all__ = ['__version__', 'datasets', 'engine', 'evaluation', 'generators', 'models']

import_named_modules()                               # parts of one's own
