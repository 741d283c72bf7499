"""The metrics of synthesis, each registered in a file of this folder; all files here are read.

    base.py             what a metric is, and what it looks at
    frechet.py          FD, FD-tempo, FVD, DTFVD
    similarity.py       LPIPS, PSNR, SSIM against the real clip of the same still
    diversity.py        DIV, how much the clips of one still differ
    two_sample.py       can a classifier distinguish them from real ones?
    temporal.py         motion, flicker, sharpness, speckle
    memorisation.py     are they training clips?
"""
from lddm_aug.discovery import import_submodules
from lddm_aug.evaluation.synthesis_metrics.base import (
    Evaluation,
    MeanMetric,
    Row,
    SynthesisMetric,
    SynthesisOptions,
    register_metric,
    registered_metrics,
)

__all__ = ['Evaluation', 'MeanMetric', 'Row', 'SynthesisMetric', 'SynthesisOptions',
           'register_metric', 'registered_metrics']

import_submodules(__name__)
