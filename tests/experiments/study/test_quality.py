from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from mmaction.registry import MODELS
from mmengine.config import Config
from mmengine.model import BaseModel

from lddm_aug.data.annotations import Annotation
from lddm_aug.experiments.study.quality import plausible, score_clips
from lddm_aug.generators.package import save_package
from lddm_aug.generators.repeat_still import RepeatStill
from lddm_aug.synthesis.synthesize import synthesize


@MODELS.register_module()
class SeesBrightness(BaseModel):
    """Holds a clip for malignant with a probability of its mean grey level / 255, plus a shift."""

    def __init__(self) -> None:
        super().__init__()
        self.shift = torch.nn.Parameter(torch.zeros(()))

    def forward(self, inputs, data_samples, mode='predict'):
        for clip, sample in zip(inputs, data_samples, strict=True):
            malignant = clip.float().mean() / 255 + self.shift
            sample.set_pred_score(torch.stack([1 - malignant, malignant]))
        return data_samples


def test_a_clip_is_as_plausible_as_a_recognizer_of_real_videos_finds_its_label(tmp_path: Path):
    generator = RepeatStill(16, num_frames=8)
    save_package(tmp_path / 'package', generator, [])
    stills = [(25, 'benign'), (25, 'malignant'), (204, 'benign'), (204, 'malignant')]
    rows = []
    for number, (grey, label) in enumerate(stills):
        np.save(tmp_path / f'{number}.npy', np.full((1, 16, 16), grey, np.uint8))
        rows.append(Annotation(tmp_path / f'{number}.npy', label, f'p{number}', 0, None, 0))
    synthesize(generator, rows, tmp_path / 'store', progress=False)
    torch.save(dict(state_dict=dict(shift=torch.tensor(0.1))), tmp_path / 'trained.pth')
    pipeline = [dict(type='ReadVideo', size=16), dict(type='SampleSegment', num_frames=8),
                dict(type='ArrayDecode'), dict(type='FormatShape', input_format='NCTHW'),
                dict(type='PackActionInputs', meta_keys=('filename',))]
    config = Config(dict(model=dict(type='SeesBrightness'), test_dataloader=dict(dataset=dict(
        classes=('benign', 'malignant'), pipeline=pipeline))))
    scored = score_clips(config, tmp_path / 'trained.pth', str(tmp_path / 'store'))
    assert sorted(scored.values()) == [
        ('benign', pytest.approx(1 - 204 / 255 - 0.1)), ('benign', pytest.approx(0.9 - 25 / 255)),
        ('malignant', pytest.approx(25 / 255 + 0.1)), ('malignant', pytest.approx(204 / 255 + 0.1))]


def test_the_same_share_of_each_class_is_kept_however_its_scores_compare():
    scored = {**{f'a{n}': ('a', n / 100) for n in range(8)},
              **{f'b{n}': ('b', 1 - n / 100) for n in range(4)}}
    assert plausible(scored, 0.5) == ['a4', 'a5', 'a6', 'a7', 'b0', 'b1']
    assert plausible(scored, 1.) == sorted(scored)


def test_a_class_keeps_at_least_one_clip():
    assert plausible({'only': ('a', 0.)}, 0.01) == ['only']


@pytest.mark.parametrize('share', [0, 1.5, float('nan')])
def test_a_share_of_nothing_or_more_than_all_is_refused(share):
    with pytest.raises(ValueError, match=r'share must lie in \(0, 1\]'):
        plausible({}, share)
