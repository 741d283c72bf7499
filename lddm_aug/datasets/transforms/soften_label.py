"""Label smoothing for synthetic clips."""
from __future__ import annotations

from typing import Any

import torch
from mmaction.registry import TRANSFORMS
from mmcv.transforms import BaseTransform


@TRANSFORMS.register_module()
class SoftenLabel(BaseTransform):
    """Replace a label by probabilities: one-hot for real clips, smoothed for synthetic ones.

    It must be in the pipelines of both, before PackActionInputs, since the labels of a batch must
    have one shape.

    Required keys: label; origin.
    Modified keys: label, (num_classes,) float32 with the sum 1.

    Args:
        num_classes: of the recognizer.
        certainty: probability of a synthetic clip's label; the rest is divided among the other
            classes.
    """

    def __init__(self, num_classes: int, certainty: float = 0.8) -> None:
        if num_classes < 2 or not 1 / num_classes <= certainty <= 1:
            raise ValueError('SoftenLabel: certainty must be between 1/num_classes and 1, and '
                             f'num_classes be 2 or more, but got {certainty!r} of {num_classes!r}')
        self.num_classes = num_classes
        self.certainty = certainty

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        certainty = self.certainty if results['origin'] == 'synthetic' else 1.
        # a tensor, since MMAction2 would round a list or an array to integers
        soft = torch.full((self.num_classes,), (1 - certainty) / (self.num_classes - 1))
        soft[results['label']] = certainty
        results['label'] = soft
        return results

    def __repr__(self) -> str:
        return f'SoftenLabel(num_classes={self.num_classes}, certainty={self.certainty})'
