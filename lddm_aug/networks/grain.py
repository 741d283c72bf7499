"""The fine texture of a rebuilt clip: what it keeps of the still's, and what is drawn anew."""
from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from lddm_aug.seeds import derive_seed

# How fast what is measured follows: it averages over about 1 / 0.02 = 50 batches.
MOMENTUM = 0.02


class Grain(nn.Module):
    """Gives a rebuilt clip as much texture, and as much change of it, as real clips have.

    Speckle that decorrelates cannot be foreseen: a decoder trained on pixels smooths it away, and
    its clips are calmer and softer than real ones.  Whoever looks for that tells them apart at
    once.  Two things bring back what is missing:

    - the blur of what moves is taken back in part: `softness` is the share of it that remains;
    - what then still lacks is drawn: stationary Gaussian noise, times how large an error is
      expected of each pixel, with the power that rebuilt clips lack at every frequency in space
      and time, in units of the expected error, times a `gain`.  Nothing of it stands still, since
      that would appear in frame 1 all at once, and be seen to.

    Both numbers together bring two measures of rebuilt clips to those of real ones: the change
    from frame to frame, and the detail of a frame.  Where that can't be, there is rather too little
    noise: where a moved still is as sharp as the truth, what its changes lack is motion, and noise
    is no motion.  All of it is measured during training.  Frame 0, the still, stays as it is.

    Args:
        channels: C of the clips.
        num_frames: T.
        size: H and W.

    Raises:
        ValueError: when called with clips of another shape.
    """

    real_power: Tensor
    made_power: Tensor
    softness: Tensor
    gain: Tensor

    def __init__(self, channels: int, num_frames: int, size: int) -> None:
        super().__init__()
        self.shape = (channels, num_frames - 1, size, size)
        power = torch.zeros(channels, num_frames - 1, size, size // 2 + 1)
        self.register_buffer('real_power', power)
        self.register_buffer('made_power', power.clone())
        self.register_buffer('softness', torch.ones(()))
        self.register_buffer('gain', torch.ones(()))

    @torch.no_grad()
    def follow(self, real: Tensor, clip: Tensor, sharp: Tensor, scale: Tensor) -> None:
        """Measure clips, (B, C, T, H, W).

        Args:
            clip: the likeliest one that the decoder made of each real one.
            sharp: the same with nothing blurred.
            scale: (B, 1, T, H, W), the error that is expected of the likeliest one.
        """
        self._check(real)
        real, clip, sharp, scale = (x[:, :, 1:].float() for x in (real, clip, sharp, scale))
        made = self._softened(clip, sharp)
        steady = scale.mean(dim=2, keepdim=True)                  # what stands still stays so
        for frames, power in ((real, self.real_power), (made, self.made_power)):
            spectrum = torch.fft.rfftn(frames / steady, dim=(2, 3, 4))
            power.lerp_(spectrum.abs().square().mean(dim=0), MOMENTUM)
        noise = self._shaped(torch.randn_like(real)) * scale
        softness, gain = balance(
            self.softness, lacking=_measures(real) - _measures(made),
            slope=_measures(clip) - _measures(sharp), drawn=_measures(noise))
        self.softness.lerp_(softness, MOMENTUM)
        self.gain.lerp_(gain, MOMENTUM)

    def forward(self, clip: Tensor, sharp: Tensor, scale: Tensor, seeds: Sequence[int]) -> Tensor:
        """Clips and scales as for `follow`, B seeds → (B, C, T, H, W) clips with texture."""
        self._check(clip)
        # one by one: a transform of several differs in the last bits from that of one
        shaped = [self._shaped(self._white(seed).unsqueeze(0).to(scale)) for seed in seeds]
        noise = self.gain * torch.cat(shaped)
        return (self._softened(clip, sharp)
                + torch.cat([torch.zeros_like(noise[:, :, :1]), noise], dim=2) * scale)

    def _check(self, clip: Tensor) -> None:
        channels, changes, height, width = self.shape
        expected = (channels, changes + 1, height, width)
        if tuple(clip.shape[1:]) != expected:
            raise ValueError(f'Grain: clips must be (C, T, H, W) = {expected}, as channels, '
                             f'num_frames and size say, but got {tuple(clip.shape[1:])}; set grain '
                             'in the config of the autoencoder to the shape of the clips')

    def _softened(self, clip: Tensor, sharp: Tensor) -> Tensor:
        return sharp + self.softness * (clip - sharp)

    def _shaped(self, white: Tensor) -> Tensor:
        """(B, C, T − 1, H, W) white noise → noise with the missing power."""
        missing = (self.real_power - self.made_power).clamp(min=0)
        missing[:, 0] = 0                            # of frequency 0 in time
        amplitude = (missing / white[0, 0].numel()).sqrt()
        spectrum = torch.fft.rfftn(white, dim=(2, 3, 4)) * amplitude
        return torch.fft.irfftn(spectrum, s=white.shape[2:], dim=(2, 3, 4))

    def _white(self, seed: int) -> Tensor:
        """Drawn on the CPU, the same on every device, and apart from what else a seed stands for.
        """
        draw = torch.Generator().manual_seed(derive_seed('grain', seed))
        return torch.randn(self.shape, generator=draw)


def change(clip: Tensor) -> Tensor:
    """How much neighbouring frames of (B, C, T, H, W) clips differ: the mean, squared.

    It adds up as a variance does where the parts are Gaussian and spread alike, elsewhere nearly.
    Variances themselves would be ruled by the few places where most happens, and everything else
    would get too much noise for it.
    """
    return clip.diff(dim=2).abs().mean().square()


def detail(clip: Tensor) -> Tensor:
    """The same of the Laplacian of the frames of (B, C, T, H, W) clips."""
    laplacian = clip[..., 1:-1, :].diff(n=2, dim=4) + clip[..., 1:-1].diff(n=2, dim=3)
    return laplacian.abs().mean().square()


def balance(softness: Tensor, lacking: Tensor, slope: Tensor, drawn: Tensor
            ) -> tuple[Tensor, Tensor]:
    """How much blur and noise bring the change and the detail of made clips to those of real ones.

    Solves lacking = slope · (new softness − softness) + gain² · drawn, which holds to first order;
    so it is asked again until nothing is lacking.  Both stay in [0, 1]: where the softness would
    leave it, the measure that lacks less decides on the gain, and where the gain would, the detail
    alone decides on the softness.

    Args:
        softness: of the made clips.
        lacking: (2,) change and detail of real clips less those of made ones.
        slope: (2,) those of the likeliest clips less those of the sharp ones.
        drawn: (2,) those of the noise that a gain of 1 adds.

    Returns:
        The new softness, and the gain.
    """
    drawn = drawn.clamp(min=1e-12)
    (slope_change, slope_detail), (lacking_change, lacking_detail) = slope, lacking
    (drawn_change, drawn_detail) = drawn
    determinant = slope_change * drawn_detail - slope_detail * drawn_change
    step = (lacking_change * drawn_detail - lacking_detail * drawn_change) / determinant
    # where both clips are exactly the same, as those of the head `paint`, no softness is better
    new = (softness + torch.where(determinant == 0, 0, step)).clamp(0, 1)
    wanted = ((lacking - slope * (new - softness)) / drawn).min()
    power = wanted.clamp(0, 1)
    by_detail = softness + (lacking_detail - power * drawn_detail) / slope_detail
    alone = (power != wanted) & (slope_detail != 0)
    return torch.where(alone, by_detail.clamp(0, 1), new), power.sqrt()


def _measures(clip: Tensor) -> Tensor:
    return torch.stack([change(clip), detail(clip)])
