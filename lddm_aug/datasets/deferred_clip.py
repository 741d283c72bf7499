"""A clip that is made on the training device, as it passes from a worker to there."""
from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

from lddm_aug.conditions import Told
from lddm_aug.data.frames import Pixels
from lddm_aug.datasets.replay import Step


@dataclass(frozen=True)
class DeferredClip:
    """All that `LDDMDataPreprocessor` makes a clip from; it takes the place of a sample's inputs.

    Attributes:
        package: of the generator.
        still: (H, W) or (H, W, 3) uint8.
        seed: of the clip.
        conditions: what is known about the still: name → value.
        steps: what was drawn for the clip, in the order of the transforms.
        bank_key: what a latent is kept under for later visits; None to sample anew.
    """

    package: str
    still: Pixels
    seed: int
    conditions: Told
    steps: tuple[Step, ...]
    bank_key: Hashable = None

    @property
    def ndim(self) -> int:
        """What other data preprocessors ask inputs for, which are tensors there."""
        raise ValueError('DeferSynthesis leaves clips to be made on the device, but the model has '
                         'another data preprocessor; set model.data_preprocessor.type='
                         "'LDDMDataPreprocessor', or make clips by SynthesizeClip")
