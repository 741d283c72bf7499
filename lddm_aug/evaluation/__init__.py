"""Clips or scores → numbers."""
from lddm_aug.evaluation.recognition_metric import RecognitionMetric
from lddm_aug.evaluation.reconstruction_metric import ReconstructionMetric

__all__ = ['RecognitionMetric', 'ReconstructionMetric']
