"""Clips or scores → numbers.

    synthesis.py             all figures for one generator, from the files below:
        clip_set.py              real clips in memory, and what a generator makes of their stills
        frechet.py               … in the features of recognizer_features.py or i3d_features.py
        image_quality.py         PSNR, SSIM, LPIPS against the real clip of the same still
        diversity.py             DIV, how much the clips of one still differ
        clip_statistics.py       motion, flicker, sharpness, speckle
        two_sample.py            can a classifier tell them from real ones?
        memorisation.py          are they training clips?
        bootstrap.py             intervals over groups
    network_arguments.py     the networks in which they are taken, from a command line
    synthesis_report.py      a table, JSON, plots and a page of these
    gallery.py               real and generated clips for eyes
    cost.py                  what a clip costs
    recognition_metric.py    how right a recognizer is
    reconstruction_metric.py how well an autoencoder rebuilds clips
"""
from lddm_aug.evaluation.recognition_metric import RecognitionMetric
from lddm_aug.evaluation.reconstruction_metric import ReconstructionMetric

__all__ = ['RecognitionMetric', 'ReconstructionMetric']
