"""Clips or scores → numbers.

    synthesis.py             all metrics for one generator
    synthesis_metrics/       each of them, in a file that registers it; made of:
        clip_set.py              real clips in memory, and what a generator makes of their stills
        recognizer_features.py   features of recognizers that were trained here …
        i3d_features.py          … and of an I3D
        image_quality.py         PSNR, SSIM, LPIPS of pairs of clips
        clip_statistics.py       motion, flicker, sharpness, speckle
        bootstrap.py             intervals over groups
    networks.py              the networks that look at clips, by name
    synthesis_report.py      a table, JSON, plots and a page of these
    gallery.py               real and generated clips for eyes
    cost.py                  what a clip costs
    recognition_metric.py    how right a recognizer is
    reconstruction_metric.py how well an autoencoder rebuilds clips
"""
from lddm_aug.evaluation.recognition_metric import RecognitionMetric
from lddm_aug.evaluation.reconstruction_metric import ReconstructionMetric

__all__ = ['RecognitionMetric', 'ReconstructionMetric']
