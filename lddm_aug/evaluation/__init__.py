"""Clips or scores → numbers. Importing it registers every metric."""

from lddm_aug.evaluation.recognition_metric import RecognitionMetric

__all__ = ['RecognitionMetric']
