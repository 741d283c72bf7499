"""What a latent leaves open: the fine texture that differs from frame to frame."""
from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from lddm_aug.functional.seeds import derive_seed

# How fast the spectrum follows: it averages over about 1 / 0.02 = 50 batches.
SPECTRUM_MOMENTUM = 0.02


class Grain(nn.Module):
    """Gaussian noise with the power that rebuilt clips lack, at every frequency in space and time.

    Speckle that decorrelates cannot be foreseen: a decoder trained on pixels smooths it away, and
    its clips are calmer and softer than real ones.  Whoever looks for that tells them apart at
    once.  Here what is missing is drawn: stationary noise, times how large an error is expected of
    each pixel.  Its spectrum is that of real clips less that of rebuilt ones, both in units of the
    expected error; but nothing of it stands still, since that would appear in frame 1 all at once,
    and be seen to.  A gain brings the change from frame to frame to that of real clips, but no
    further than the fine texture of a frame: where a moved still is as sharp as the truth, what its
    changes lack is motion, and noise is no motion.  All of it is measured during training.  Frame
    0, the still, has none.

    Args:
        channels: C of the clips.
        num_frames: T.
        size: H and W.
    """

    real_power: Tensor
    made_power: Tensor
    gain: Tensor

    def __init__(self, channels: int, num_frames: int, size: int) -> None:
        super().__init__()
        self.shape = (channels, num_frames - 1, size, size)
        power = torch.zeros(channels, num_frames - 1, size, size // 2 + 1)
        self.register_buffer('real_power', power)
        self.register_buffer('made_power', power.clone())
        self.register_buffer('gain', torch.ones(()))

    @torch.no_grad()
    def follow(self, real: Tensor, made: Tensor, scale: Tensor) -> None:
        """Measure (B, C, T, H, W) clips, whose errors are expected to be (B, 1, T, H, W)."""
        steady = scale[:, :, 1:].float().mean(dim=2, keepdim=True)  # what stands still stays so
        for clip, power in ((real, self.real_power), (made, self.made_power)):
            spectrum = torch.fft.rfftn(clip[:, :, 1:].float() / steady, dim=(2, 3, 4))
            power.lerp_(spectrum.abs().square().mean(dim=0), SPECTRUM_MOMENTUM)
        real, made, scale = (clip[:, :, 1:].float() for clip in (real, made, scale))
        drawn = self._shaped(torch.randn_like(real)) * scale
        lacking = torch.minimum(*(_lacking(measure, real, made, drawn)
                                  for measure in (change, detail)))
        self.gain.lerp_(lacking.sqrt().clamp(max=1), SPECTRUM_MOMENTUM)

    def forward(self, scale: Tensor, seeds: Sequence[int]) -> Tensor:
        """(B, 1, T, H, W) scales, B seeds → (B, C, T, H, W) noise."""
        # one by one: a transform of several differs in the last bits from that of one
        shaped = [self._shaped(self._white(seed).unsqueeze(0).to(scale)) for seed in seeds]
        noise = self.gain * torch.cat(shaped)
        return torch.cat([torch.zeros_like(noise[:, :, :1]), noise], dim=2) * scale

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


def _lacking(measure: Callable[[Tensor], Tensor], real: Tensor, made: Tensor, drawn: Tensor
             ) -> Tensor:
    """By which factor of its power the drawn noise brings the made clips to the real ones."""
    return (measure(real) - measure(made)).clamp(min=0) / measure(drawn).clamp(min=1e-12)
