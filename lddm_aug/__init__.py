"""Turns labelled ultrasound stills into clips that help MMAction2 to recognize videos.

Importing it registers every part with MMAction2.  A room imports only from rooms below it:

    demo/        the main job in one call, from tables to a report
    engine/      hooks, the training of a generator, MMAction2's own tools
    evaluation/  clips or scores → numbers
    datasets/    what training reads: real videos, stills, synthetic clips, the mix of them
    synthesis/   stills → a store of clips that say where they came from
    generators/  still + seed → clip; packages of them
    models/      what is learnt: the video autoencoder, the latent diffusion
    networks/    modules that know shapes, not configs
    functional/  pure tensor functions beside their equations, and seeds
    cli.py       what the tools have in common
    files.py     files that are whole or absent
    compat.py    what is broken between the packages below, mended once
"""
from lddm_aug import compat

__version__ = '0.1.0'

compat.mend()

from lddm_aug import datasets, engine, evaluation, generators, models  # noqa: E402

__all__ = ['datasets', 'engine', 'evaluation', 'generators', 'models']
