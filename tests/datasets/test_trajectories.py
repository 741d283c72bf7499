import numpy as np
import pytest
import torch
from torch.testing import assert_close

from lddm_aug import text as text_encoder
from lddm_aug.datasets.trajectories import TrajectoryDataset
from lddm_aug.models.latent_diffusion import LatentDiffusion

AUTOENCODER = dict(type='VideoAutoencoder', latent_channels=4, encoder=dict(width=8),
                   decoder=dict(widths=(8, 8, 8)))
DENOISER = dict(still_widths=(8, 8, 8), width=24, depth=1, heads=2)


class LeadsTo(torch.nn.Module):
    """A denoiser that is certain of one latent, so that every way leads straight to it."""

    def __init__(self, latent: torch.Tensor) -> None:
        super().__init__()
        self.latent = latent

    def condition(self, still):
        return still

    def forward(self, noisy, steps, condition, told):
        return (noisy - self.latent) * 1000 / steps.view(-1, 1, 1, 1, 1)


class LeadsByClass(LeadsTo):
    """The same, but of another latent for clips whose class it isn't told."""

    def __init__(self, latent: torch.Tensor, untold: torch.Tensor) -> None:
        super().__init__(latent)
        self.untold = untold

    def forward(self, noisy, steps, condition, told):
        known = ~told[:, :1, None, None, None].isnan()
        target = torch.where(known, self.latent, self.untold)
        return (noisy - target) * 1000 / steps.view(-1, 1, 1, 1, 1)


@pytest.fixture
def config(tmp_path):
    """config(**kwargs) → a data set of paths of three small videos, of untrained weights."""
    rows = ['path,label,group,split']
    for number in range(3):
        clip = np.random.default_rng(number).integers(256, size=(20, 32, 32), dtype=np.uint8)
        np.save(tmp_path / f'{number}.npy', clip)
        rows.append(f'{number}.npy,{"ab"[number % 2]},p{number},train')
    (tmp_path / 'videos.csv').write_text('\n'.join(rows))
    clips = dict(type='VideoClipDataset', ann_file=str(tmp_path / 'videos.csv'),
                 classes=('a', 'b'), split='train', pipeline=[
                     dict(type='ReadVideo', size=32, channels=1),
                     dict(type='SampleSegment', num_frames=8, segment_length=16),
                     dict(type='PackClip')])

    def make(conditions=None, **kwargs):
        torch.manual_seed(0)
        diffusion = dict(type='LatentDiffusion', autoencoder=AUTOENCODER, denoiser=DENOISER,
                         noise=dict(target='flow'), conditions=conditions, drop_conditions=0.5)
        weights = tmp_path / 'weights.pth'
        torch.save(LatentDiffusion(**{key: value for key, value in diffusion.items()
                                      if key != 'type'}).state_dict(), weights)
        diffusion['init_cfg'] = dict(type='Pretrained', checkpoint=str(weights))
        return TrajectoryDataset(**dict(clips=clips, diffusion=diffusion, teacher_steps=4,
                                        student_steps=2, paths=24, batch_size=5) | kwargs)
    return make


def test_paths_lead_from_noise_through_the_students_levels_to_the_latent(config):
    dataset = config()
    diffusion = LatentDiffusion(AUTOENCODER, DENOISER, dict(target='flow'))
    noise, latent = torch.randn(2, 6, 4, 2, 4, 4).unbind()
    diffusion.denoiser = LeadsTo(latent)
    path = dataset._paths(diffusion, noise, torch.zeros(6, 1, 32, 32), torch.zeros(6, 0))
    levels = torch.tensor([*dataset.levels, 0.]).view(1, 3, 1, 1, 1, 1)
    assert_close(path, (1 - levels) * latent.unsqueeze(1) + levels * noise.unsqueeze(1),
                 rtol=1e-4, atol=1e-5)


def test_guided_paths_lead_beyond_what_is_told_as_often_as_the_weight_says(config):
    label = dict(label=['a', 'b'])
    dataset = config(conditions=label, condition_guidance=dict(label=3.))
    diffusion = LatentDiffusion(AUTOENCODER, DENOISER, dict(target='flow'), conditions=label)
    noise, latent, untold = torch.randn(3, 6, 4, 2, 4, 4).unbind()
    diffusion.denoiser = LeadsByClass(latent, untold)
    told = torch.tensor([0., 1., torch.nan] * 2).unsqueeze(1)
    *_, end = dataset._paths(diffusion, noise, torch.zeros(6, 1, 32, 32), told).unbind(dim=1)
    beyond = untold + 3 * (latent - untold)
    assert_close(end, torch.where(told[..., None, None, None].isnan(), untold, beyond),
                 rtol=1e-3, atol=1e-4)


def test_samples_are_the_same_each_time_and_of_frames_of_the_videos(config, tmp_path):
    dataset, again = config(), config()
    assert len(dataset) == 24 and dataset.groups == {'p0', 'p1', 'p2'}
    assert all(torch.equal(one['path'], other['path']) and one['told'].shape == (0,)
               for one, other in zip(dataset, again, strict=True))
    videos = [np.load(tmp_path / f'{number}.npy') for number in range(3)]
    frames = {frame.tobytes() for video in videos for frame in video}
    stills = {sample['still'].numpy().tobytes() for sample in dataset}
    assert len(stills) > 12 and stills <= frames


def test_some_paths_of_a_conditional_diffusion_are_told_no_class(config):
    labels = [sample['told'].nan_to_num(-1).item()
              for sample in config(conditions=dict(label=['a', 'b']))]
    assert {*labels} == {-1, 0, 1}
    assert labels.count(1) < 8                       # one of three videos, and half of its paths


def test_each_path_is_told_one_wording_of_a_text(config, tmp_path, monkeypatch):
    table = tmp_path / 'videos.csv'
    rows = table.read_text().splitlines()
    texts = ['prompt', '"left | leftwards | to the left"', 'right', 'right']
    table.write_text('\n'.join(f'{row},{text}' for row, text in zip(rows, texts, strict=True)))
    encoded = []

    def encode_texts(texts):
        encoded.extend(texts)
        return torch.stack([torch.full((text_encoder.TEXT_WIDTH,), float(len(each)))
                            for each in texts])

    monkeypatch.setattr(text_encoder, 'encode_texts', encode_texts)
    dataset = config(conditions=dict(prompt='text'), paths=150)
    lengths = [sample['told'][0].nan_to_num(-1).item() for sample in dataset]
    assert {*lengths[::3]} == {-1, len('left'), len('leftwards'), len('to the left')}
    assert {*lengths[1::3]} == {-1, len('right')}
    assert len(encoded) == 150                       # no wording that isn't used


def test_any_number_of_paths_takes_every_video_in_turn(config):
    few, many = config(paths=7), config(paths=24)
    assert len(few) == 7
    assert all(torch.equal(one['still'], other['still'])
               for one, other in zip(few, many, strict=False))
    with pytest.raises(ValueError, match=r'paths .* 0'):
        config(paths=0)


def test_an_untrained_diffusion_is_refused(config):
    with pytest.raises(ValueError, match='init_cfg'):
        config(diffusion=dict(type='LatentDiffusion', autoencoder=AUTOENCODER, denoiser=DENOISER))
