import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter, shift

from lddm_aug.evaluation.clip_statistics import describe_clips
from lddm_aug.evaluation.synthesis_metrics.memorisation import memorisation_audit, shrunk_pixels

COUNT, FRAMES, SIZE = 12, 8, 48


def texture(random):
    smooth = gaussian_filter(random.normal(size=(SIZE, SIZE)), 2)
    return 128 + 40 * smooth / smooth.std()


def path(random):
    """(T, 2) positions in pixels, of a walk."""
    steps = random.normal(0, 1, size=(FRAMES - 1, 2))
    return np.vstack([np.zeros((1, 2)), np.cumsum(steps, axis=0)])


def film(still, positions):
    """(C, T, H, W) uint8: the still moved along."""
    frames = [shift(still, position, order=3, mode='nearest') for position in positions]
    return torch.from_numpy(np.clip(frames, 0, 255).astype(np.uint8))[None]


@pytest.fixture(scope='module')
def world():
    """Textures and paths of training and of held-out clips, all drawn alike."""
    random = np.random.default_rng(0)
    return {name: [(texture(random), path(random)) for _ in range(COUNT)]
            for name in ('training', 'real', 'fresh')}


def audit(world, generated):
    def ways(clips, average):
        return dict(pixels=shrunk_pixels(clips) - average, motion=describe_clips(clips).motion)

    training, real = (torch.stack([film(*one) for one in world[name]])
                      for name in ('training', 'real'))
    average = shrunk_pixels(training).mean(axis=0)
    return memorisation_audit(ways(torch.stack(generated), average), ways(real, average),
                              ways(training, average), [f'p{i}' for i in range(COUNT)])


def test_a_copy_is_caught_and_its_original_is_named(world):
    order = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8]
    noise = np.random.default_rng(1).integers(-2, 3, (COUNT, 1, FRAMES, SIZE, SIZE))
    copies = [(film(*world['training'][i]) + torch.from_numpy(n)).clamp(0, 255).byte()
              for i, n in zip(order, noise, strict=True)]
    report = audit(world, copies)
    for found in report.values():
        assert found['near'] == 1 and found['copies'] == COUNT
        assert all(pair['training_clip'] == order[pair['clip']] for pair in found['closest'])
        assert found['generated'][2] < 0.2 * found['real'][2]


def test_motion_lent_to_another_still_is_caught_by_motion_alone(world):
    lent = [film(still, positions) for (still, _), (_, positions) in
            zip(world['real'], world['training'], strict=True)]
    report = audit(world, lent)
    assert report['motion']['copies'] >= COUNT - 2
    assert report['pixels']['copies'] == 0


@pytest.mark.parametrize('moves', [True, False])
def test_clips_of_their_own_are_not_accused_even_if_nothing_moves(world, moves):
    clips = [film(still, positions if moves else 0 * positions) for (still, _), (_, positions) in
             zip(world['real'], world['fresh'], strict=True)]
    for found in audit(world, clips).values():
        assert found['copies'] == 0 and found['near'] < 0.5
