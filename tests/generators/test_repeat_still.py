from __future__ import annotations

import torch
from mmaction.registry import MODELS

from lddm_aug.generators.repeat_still import RepeatStill


def test_every_frame_is_the_still_whatever_the_seed():
    stills = torch.rand(2, 3, 8, 8) * 2 - 1
    clips = RepeatStill(size=8, channels=3, num_frames=5)(stills, [1, 2])
    assert clips.shape == (2, 3, 5, 8, 8)
    assert all(torch.equal(clips[:, :, t], stills) for t in range(5))


def test_its_config_builds_it_again():
    generator = RepeatStill(size=8, channels=3, num_frames=5, frame_stride=2)
    again = MODELS.build(generator.config)
    assert (again.size, again.channels, again.num_frames, again.frame_stride) == (8, 3, 5, 2)


def test_a_still_is_held_for_any_length():
    clip = RepeatStill(8).with_length(100, 7)(torch.full((1, 1, 8, 8), 0.5), [1])
    assert clip.shape == (1, 1, 100, 8, 8) and (clip == 0.5).all()
