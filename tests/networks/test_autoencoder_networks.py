import pytest
import torch
from scipy.ndimage import gaussian_filter
from torch.testing import assert_close

from lddm_aug.functional.warp import warp
from lddm_aug.networks.decoder import VideoDecoder
from lddm_aug.networks.encoder import VideoEncoder, fold_time, unfold_time


def with_larger_outputs(decoder: VideoDecoder) -> VideoDecoder:
    """Raise the weights of the head, whose outputs are almost zero at first."""
    torch.nn.init.normal_(decoder.to_output.weight, std=0.03)
    return decoder


@pytest.mark.parametrize('time_strides, space_strides, latent', [
    ((1, 1, 2, 2, 1), (2, 1, 2, 2, 1), (6, 4, 8, 8)),
    ((1, 1, 2, 2, 2), (2, 2, 2, 2, 1), (6, 2, 4, 4))])
def test_the_strides_give_the_latents_shape(time_strides, space_strides, latent):
    encoder = VideoEncoder(1, 6, width=8, time_strides=time_strides, space_strides=space_strides)
    mean, log_variance = encoder(torch.zeros(2, 1, 16, 64, 64))
    assert mean.shape == log_variance.shape == (2, *latent)


def test_the_expected_error_can_grow_with_the_brightness():
    """With a weight of ½ on its logarithm, as the root of 1 + grey level."""
    decoder = VideoDecoder(1, 4, widths=(8, 8, 8))
    torch.nn.init.zeros_(decoder.to_output.weight)   # so that nothing changes
    torch.nn.init.zeros_(decoder.to_output.bias)
    decoder.to_scale.weight.data[:, -1] = 0.5 / decoder.to_scale.weight[0, 0].numel()
    stills = torch.tensor([0., 3., 255.]).div(127.5).sub(1).view(3, 1, 1, 1).expand(3, 1, 32, 32)
    _, _, scale = decoder(stills, torch.zeros(3, 4, 4, 4, 4))
    middle = scale[:, 0, 8, 16, 16]
    assert_close(middle / middle[0], torch.tensor([1., 4. ** 0.5, 256. ** 0.5]),
                 rtol=1e-3, atol=0)


@pytest.mark.parametrize('head', ['motion', 'paint'])
@pytest.mark.parametrize('channels', [1, 3])
def test_frame_0_is_the_still(head, channels):
    decoder = with_larger_outputs(VideoDecoder(channels, 4, widths=(8, 8, 8), head=head))
    still = torch.rand(2, channels, 32, 32) * 2 - 1
    clip, sharp, _ = decoder(still, torch.randn(2, 4, 4, 4, 4))
    assert clip.shape == sharp.shape == (2, channels, 16, 32, 32)
    assert torch.equal(clip[:, :, 0], still) and torch.equal(sharp[:, :, 0], still)
    assert (clip[:, :, 1:] - still.unsqueeze(2)).abs().mean() > 1e-3


def test_an_output_that_is_constant_in_time_moves_nothing():
    decoder = VideoDecoder(1, 4, widths=(8, 8, 8))
    torch.nn.init.zeros_(decoder.to_output.weight)
    torch.nn.init.normal_(decoder.to_output.bias)        # the same in every frame, so no change
    torch.nn.init.zeros_(decoder.to_field.weight)
    still = torch.rand(1, 1, 32, 32) * 2 - 1
    clip, _, _ = decoder(still, torch.randn(1, 4, 4, 4, 4))
    assert_close(clip, still.unsqueeze(2).expand_as(clip), atol=1e-5, rtol=0)


def test_the_skip_connections_alone_carry_the_motion_from_clip_to_reconstruction():
    encoder = VideoEncoder(1, 8, width=8, time_strides=(2, 1, 2, 1, 1))
    decoder = VideoDecoder(1, 8, widths=(8, 8, 8))
    for other in (encoder.to_latent.weight, encoder.to_latent.bias, decoder.to_output.weight,
                  decoder.to_output.bias):
        torch.nn.init.zeros_(other)
    for skip in (encoder.from_field, decoder.to_field):
        skip.weight.data = torch.eye(8).view(8, 8, 1, 1, 1)
    noise = torch.randn(64, 64, generator=torch.Generator().manual_seed(0)).numpy()
    still = torch.from_numpy(gaussian_filter(noise, 2)).view(1, 1, 64, 64) * 4
    shift = torch.linspace(0, 3, 16).view(1, 1, 16, 1, 1).expand(1, 2, 16, 64, 64)
    clip = warp(still, shift)
    reconstruction, _, _ = decoder(still, encoder(clip)[0])
    assert (reconstruction - clip)[..., 12:-12, 12:-12].abs().mean() < 0.02 * clip.std()


def test_time_folds_into_channels_and_back_frame_by_frame():
    x = torch.arange(2 * 3 * 8).view(1, 2, 3 * 8, 1, 1)
    folded = fold_time(x, 4)
    assert folded.shape == (1, 8, 6, 1, 1)
    assert folded[0, :4, 1, 0, 0].tolist() == [4, 5, 6, 7]
    assert torch.equal(unfold_time(folded, 4), x)


def test_black_stays_black_under_any_gain():
    decoder = VideoDecoder(1, 4, widths=(8, 8, 8))
    still, change = torch.full((1, 1, 32, 32), -1.), torch.zeros(1, 4, 16, 32, 32)
    change[:, 0, 1:] = 3.
    for clip in decoder._move(still, torch.zeros(1, 2, 16, 32, 32), change):
        assert_close(clip, torch.full_like(clip, -1.))


@pytest.mark.parametrize('which, sigma', [(2, 1.), (3, 2.)])
def test_softening_moves_a_blurred_still_in_place_of_the_still(which, sigma):
    decoder, still = VideoDecoder(1, 4, widths=(8, 8, 8)), torch.rand(1, 1, 32, 32) * 2 - 1
    change = torch.zeros(1, 4, 3, 32, 32)
    change[:, which, 1:] = 1.
    blurred = torch.from_numpy(gaussian_filter(
        still[0, 0].numpy(), sigma, mode='mirror', radius=round(3 * sigma)))
    clip, sharp = decoder._move(still, torch.zeros(1, 2, 3, 32, 32), change)
    assert_close(clip[0, 0, 2], blurred, atol=1e-4, rtol=0)
    assert_close(clip[:, :, 0], still, atol=1e-5, rtol=0)
    assert_close(sharp, still.unsqueeze(2).expand_as(sharp), atol=1e-5, rtol=0)


def test_clips_of_a_batch_are_independent():
    decoder = with_larger_outputs(VideoDecoder(1, 4, widths=(8, 8, 8)))
    stills, latents = torch.rand(2, 1, 32, 32), torch.randn(2, 4, 4, 4, 4)
    for together, alone in zip(decoder(stills, latents), decoder(stills[:1], latents[:1]),
                               strict=True):
        assert_close(together[:1], alone, atol=1e-5, rtol=1e-5)


def test_an_unknown_head_is_refused():
    with pytest.raises(ValueError, match=r"head .*'warp'"):
        VideoDecoder(1, 4, head='warp')


def test_a_time_compression_that_cannot_be_undone_is_refused():
    with pytest.raises(ValueError, match=r'time_compression .* 4, but got 8'):
        VideoDecoder(1, 4, widths=(8, 8, 8), time_compression=8)


@pytest.mark.parametrize('shape', [(10, 32, 32), (16, 100, 96), (16, 96, 100)])
def test_a_clip_that_the_strides_do_not_divide_is_refused(shape):
    with pytest.raises(ValueError, match=f'VideoEncoder: .* 4 frames .* 8 pixels, .*{shape[0]} '
                                         f'frames of {shape[1]} × {shape[2]} pixels'):
        VideoEncoder(1, 6, width=8)(torch.zeros(1, 1, *shape))
