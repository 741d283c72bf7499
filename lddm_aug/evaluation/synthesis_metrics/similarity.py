"""How near each clip is to the real one that continues the same frame."""
from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lddm_aug.evaluation.image_quality import (
    ImageDistance,
    clip_distance,
    clip_psnr,
    clip_ssim,
)
from lddm_aug.evaluation.synthesis_metrics.base import Evaluation, MeanMetric, register_metric

REMARK = 'against the real clip of the same still'


@register_metric
class LPIPSMetric(MeanMetric):
    """LPIPS, or where it isn't given the distance in a VGG's features that it starts from."""

    name, title, better, remark = 'lpips', 'LPIPS', 'lower', REMARK
    networks = ('lpips', 'vgg')
    variant = 'lpips_name'

    def values(self, evaluation: Evaluation) -> NDArray[np.float64] | None:
        distance = self._distance(evaluation)
        if distance is None:
            evaluation.notes.append('lpips: no network was given')
            return None
        return clip_distance(distance, evaluation.generated.clips, evaluation.real.clips,
                             evaluation.options.perceptual_frames)

    def measure(self, evaluation: Evaluation) -> dict[str, Any]:
        distance = self._distance(evaluation)
        return super().measure(evaluation) | {self.variant: distance and distance.name}

    def _distance(self, evaluation: Evaluation) -> ImageDistance | None:
        given = (evaluation.networks.get(name) for name in self.networks)
        return next((network for network in given if network is not None), None)


@register_metric
class PSNRMetric(MeanMetric):
    """Peak signal-to-noise ratio."""

    name, title, unit, better, remark = 'psnr_db', 'PSNR', 'dB', 'higher', REMARK

    def values(self, evaluation: Evaluation) -> NDArray[np.float64]:
        return clip_psnr(evaluation.generated.clips, evaluation.real.clips)


@register_metric
class SSIMMetric(MeanMetric):
    """Structural similarity."""

    name, title, better, remark = 'ssim', 'SSIM', 'higher', REMARK

    def values(self, evaluation: Evaluation) -> NDArray[np.float64]:
        return clip_ssim(evaluation.generated.clips, evaluation.real.clips)
