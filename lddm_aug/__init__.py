"""Turns labelled ultrasound stills into clips that help MMAction2 to recognize videos.

Importing it registers every part with MMAction2.  A room imports only from rooms below it:

    demo/        the main job in one call, from tables to a report
    study/       do synthetic clips help?  Many trainings, and what they tell together
    engine/      hooks, the training of a generator, MMAction2's own tools
    evaluation/  clips or scores → numbers
    audit/       what is wrong with a data set, before anything is trained on it
    preparation/ data sets as they come → the one form that training reads
    datasets/    what training reads: real videos, stills, synthetic clips, the mix of them
    synthesis/   stills → a store of clips that say where they came from
    generators/  still + seed → clip; packages of them
    models/      what is learnt: autoencoders, what makes latents, recognizers MMAction2 lacks
    networks/    modules that know shapes, not configs
    functional/  pure tensor functions beside their equations, and seeds
    checkpoints.py  checkpoints found, and read with a sentence where they can't be
    classes.py   names of classes, taken from what a user gives and compared
    cli.py       what the tools have in common
    files.py     files that are whole or absent
    hardware.py  devices, launchers and mixed precision, and whether they are there
    journal.py   which steps of a long command are done
    processes.py  processes that end with the one that began them
    versions.py  with what something was made
    compat.py    what is broken between the packages below, patched once
"""
from lddm_aug import compat

__version__ = '0.1.0'

compat.apply_patches()

from lddm_aug import datasets, engine, evaluation, generators, models  # noqa: E402

__all__ = ['datasets', 'engine', 'evaluation', 'generators', 'models']
