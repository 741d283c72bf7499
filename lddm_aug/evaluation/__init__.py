"""Clips or scores → numbers. Importing it registers every metric."""

from lddm_aug.evaluation.recognition_metric import RecognitionMetric
from lddm_aug.evaluation.reconstruction_metric import ReconstructionMetric

__all__ = ['RecognitionMetric', 'ReconstructionMetric']
