"""True clips as an autoencoder rebuilds them."""
import numpy as np
import pytest
import torch

from lddm_aug.datasets.transforms import RebuildClip
from lddm_aug.functional.pixels import clip_to_uint8, to_unit
from lddm_aug.generators import RepeatStill, save_package


def test_the_first_clip_of_a_video_comes_back_from_its_latent(tmp_path, tiny_lddm):
    save_package(tmp_path / 'package', tiny_lddm, ['g'])
    video = np.random.default_rng(0).integers(256, size=(40, 16, 16), dtype=np.uint8)
    sample = dict(array=np.repeat(video[..., None], 3, axis=3), filename='a', total_frames=40)
    made = RebuildClip(str(tmp_path / 'package'))(sample)
    clip = to_unit(torch.from_numpy(video[0:24:3]))[None, None]      # (1, 1, 8, 16, 16)
    autoencoder = tiny_lddm.diffusion.autoencoder
    with torch.inference_mode():
        expected = autoencoder.decode(clip[:, :, 0], autoencoder.encode(clip)).clamp(-1, 1)
    assert (made['total_frames'], made['start_index'], made['frame_stride']) == (8, 0, 3)
    np.testing.assert_array_equal(made['array'][..., 0], clip_to_uint8(expected[0]))
    np.testing.assert_array_equal(made['array'][0, ..., 1], video[0])


def test_a_control_without_an_autoencoder_is_refused(tmp_path):
    save_package(tmp_path / 'package', RepeatStill(size=16), ())
    with pytest.raises(ValueError, match=r'RebuildClip: .*no autoencoder'):
        RebuildClip(str(tmp_path / 'package'))
