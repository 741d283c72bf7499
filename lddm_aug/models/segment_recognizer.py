"""MMAction2's 2D recognizer, for networks in which the frames of a clip see each other."""
from __future__ import annotations

from typing import Any

from mmaction.models import Recognizer2D
from mmaction.registry import MODELS
from torch import Tensor


@MODELS.register_module()
class SegmentRecognizer(Recognizer2D):
    """`Recognizer2D` that refuses a head, or clips, with other segments than its backbone.

    Otherwise frames of different clips would be taken for one, where the numbers happen to divide.

    Args:
        backbone: config of a backbone with `num_segments`, for example `TDN`, `ATMNet`,
            `ResNetTSM`.
        cls_head: config of a head; `TSMHead` has `num_segments` too.
        **kwargs: as in `Recognizer2D`.

    Raises:
        ValueError: when built, if head and backbone disagree; when called, if the frames of a
            clip are no multiple of what the backbone takes as one.
    """

    def __init__(self, backbone: dict, cls_head: dict | None = None, **kwargs: Any) -> None:
        super().__init__(backbone=backbone, cls_head=cls_head, **kwargs)
        wanted = self.backbone.num_segments
        given = getattr(self.cls_head, 'num_segments', wanted) if self.with_cls_head else wanted
        if given != wanted:
            raise ValueError(
                'SegmentRecognizer: head and backbone must have the same number of segments, but '
                f'cls_head has num_segments={given} and backbone has num_segments={wanted}')

    def extract_feat(self, inputs: Tensor, *args: Any, **kwargs: Any) -> tuple:
        """(N, frames, C, H, W) → features, as in `Recognizer2D`."""
        wanted = getattr(self.backbone, 'frames_per_clip', self.backbone.num_segments)
        if inputs.shape[1] % wanted:
            raise ValueError(
                f'SegmentRecognizer: {type(self.backbone).__name__} with num_segments='
                f'{self.backbone.num_segments} takes clips of {wanted} frames, but got '
                f'{inputs.shape[1]}; change the sampling or num_segments')
        return super().extract_feat(inputs, *args, **kwargs)
