"""MMAction2's 2D recognizer, for networks that mix the segments of a clip."""
from __future__ import annotations

from typing import Any

from mmaction.models import Recognizer2D
from mmaction.registry import MODELS
from torch import Tensor


@MODELS.register_module()
class SegmentRecognizer(Recognizer2D):
    """`Recognizer2D` that checks the segments of head and clips against its backbone.

    Without the check, frames of different clips could be mixed where the numbers happen to divide.

    Args:
        backbone: config of a backbone with `num_segments`, for example `TDN`, `ATMNet`,
            `ResNetTSM`.
        cls_head: config of a head; `TSMHead` has `num_segments` too.
        **kwargs: as in `Recognizer2D`.

    Raises:
        ValueError: when built, if the backbone has no `num_segments` or the head's differ; when
            called, if the number of frames is no multiple of the backbone's frames per clip.
    """

    def __init__(self, backbone: dict, cls_head: dict | None = None, **kwargs: Any) -> None:
        super().__init__(backbone=backbone, cls_head=cls_head, **kwargs)
        if getattr(self.backbone, 'num_segments', None) is None:
            raise ValueError(
                'SegmentRecognizer: backbone must have num_segments, as TDN, ATMNet and ResNetTSM '
                f'have, but {type(self.backbone).__name__} has none; take Recognizer2D or '
                'Recognizer3D for it')
        refuse_other_segments('SegmentRecognizer', self)

    def extract_feat(self, inputs: Tensor, *args: Any, **kwargs: Any) -> tuple:
        """(N, frames, C, H, W) → features, as in `Recognizer2D`."""
        num_frames = getattr(self.backbone, 'frames_per_clip', self.backbone.num_segments)
        if inputs.shape[1] % num_frames:
            raise ValueError(
                f'SegmentRecognizer: {type(self.backbone).__name__} with num_segments='
                f'{self.backbone.num_segments} takes clips of {num_frames} frames, but got '
                f'{inputs.shape[1]}; change the sampling or num_segments')
        return super().extract_feat(inputs, *args, **kwargs)


def refuse_other_segments(owner: str, recognizer: Any) -> None:
    """Raise ValueError if head and backbone both have `num_segments`, and they differ.

    Args:
        owner: prefix of the message.
        recognizer: model with `cls_head` and `backbone`.
    """
    of_head, of_backbone = (getattr(getattr(recognizer, part, None), 'num_segments', None)
                            for part in ('cls_head', 'backbone'))
    if None not in (of_head, of_backbone) and of_head != of_backbone:
        raise ValueError(
            f'{owner}: head and backbone must have the same number of segments, but cls_head has '
            f'num_segments={of_head} and backbone has num_segments={of_backbone}; set both to the '
            'number that the pipeline samples')
