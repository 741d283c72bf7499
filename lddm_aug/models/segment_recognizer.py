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
        ValueError: when built, if the backbone has no `num_segments` or the head others; when
            called, if the frames of a clip are no multiple of what the backbone takes as one.
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
        wanted = getattr(self.backbone, 'frames_per_clip', self.backbone.num_segments)
        if inputs.shape[1] % wanted:
            raise ValueError(
                f'SegmentRecognizer: {type(self.backbone).__name__} with num_segments='
                f'{self.backbone.num_segments} takes clips of {wanted} frames, but got '
                f'{inputs.shape[1]}; change the sampling or num_segments')
        return super().extract_feat(inputs, *args, **kwargs)


def refuse_other_segments(owner: str, recognizer: Any) -> None:
    """Raise ValueError if head and backbone both count the segments of a clip, and differ.

    Args:
        owner: begins the message.
    """
    given, wanted = (getattr(getattr(recognizer, part, None), 'num_segments', None)
                     for part in ('cls_head', 'backbone'))
    if None not in (given, wanted) and given != wanted:
        raise ValueError(
            f'{owner}: head and backbone must have the same number of segments, but cls_head has '
            f'num_segments={given} and backbone has num_segments={wanted}; set both to what the '
            'pipeline samples')
