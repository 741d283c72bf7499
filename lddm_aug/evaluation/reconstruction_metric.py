"""How well an autoencoder rebuilds clips, beside the control that repeats the still."""
from __future__ import annotations

from collections.abc import Sequence

from mmaction.registry import METRICS
from mmengine.evaluator import BaseMetric
from torch import Tensor

from lddm_aug.functional.warp import hold_still


def psnr_db(guess: Tensor, truth: Tensor) -> float:
    """10 log₁₀(2² / MSE) in dB, for images in [−1, 1] of any shape."""
    return float(10 * (4 / (guess - truth).square().mean().clamp(min=1e-10)).log10())


@METRICS.register_module()
class ReconstructionMetric(BaseMetric):
    """Mean over clips of the PSNR of frames 1 … T−1; frame 0 is given and doesn't count.

    Reports:
        psnr_db: of the reconstruction.
        still_psnr_db: of the still repeated, which does nothing and is a strong opponent.
    """

    def __init__(self, collect_device: str = 'gpu') -> None:
        super().__init__(collect_device)             # without a folder, on CPUs too

    def process(self, data_batch: dict, data_samples: Sequence[dict[str, Tensor]]) -> None:
        for sample in data_samples:
            clip, reconstruction = sample['clip'], sample['reconstruction']    # (C, T, H, W)
            still = hold_still(clip[None, :, 0], clip.shape[1])[0]
            self.results.append((psnr_db(reconstruction[:, 1:], clip[:, 1:]),
                                 psnr_db(still[:, 1:], clip[:, 1:])))

    def compute_metrics(self, results: list[tuple[float, float]]) -> dict[str, float]:
        ours, still = zip(*results, strict=True)
        return dict(psnr_db=sum(ours) / len(ours), still_psnr_db=sum(still) / len(still))
