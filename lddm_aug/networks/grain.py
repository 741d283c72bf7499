"""Film grain for reconstructed clips: restores the speckle residual that a decoder smooths away."""
from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from mmengine.dist import all_reduce
from torch import Tensor, nn

from lddm_aug.functional.laplacian import laplacian
from lddm_aug.seeds import derive_seed

# Of the running statistics, which average over about 1 / 0.02 = 50 batches.
MOMENTUM = 0.02


class Grain(nn.Module):
    """Gives a reconstructed clip the texture of real clips, and as much change of it.

    Speckle that decorrelates cannot be predicted.  A decoder trained on pixels smooths it away, so
    that its clips change less and are softer than real ones.  Two steps restore it:

    - Remove part of the decoder's blur: `softness` is the share of the blur that remains.
    - Add stationary Gaussian noise, scaled by the expected error of each pixel and by a `gain`.
      Its power spectrum is what reconstructed clips lack at every frequency in space and time, in
      units of the expected error.  It has no part that is constant in time, because that would
      appear suddenly in frame 1.

    `softness` and `gain` match two measures of reconstructed clips to those of real ones: the
    change from frame to frame, and the detail of a frame.  Where both can't match, the smaller gain
    is taken: a warped still as sharp as the real frame lacks motion, which noise can't replace.
    All statistics are measured during training.  Frame 0, the still, is unchanged.  The noise of a
    longer clip is that of several, which fade into each other.

    Args:
        channels: C of the clips.
        num_frames: T.
        size: H and W.

    Raises:
        ValueError: when called with clips of another size or of fewer frames.
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
    def update_statistics(self, real: Tensor, clip: Tensor, sharp: Tensor, scale: Tensor) -> None:
        """Update the running statistics from a batch of (B, C, T, H, W) clips, of all ranks.

        Args:
            real: clips.
            clip: their reconstructions.
            sharp: their reconstructions without blur.
            scale: (B, 1, T, H, W), the expected error of the reconstructions.
        """
        self._check(real)
        real, clip, sharp, scale = (x[:, :, 1:].float() for x in (real, clip, sharp, scale))
        made = self._softened(clip, sharp)
        constant = scale.mean(dim=2, keepdim=True)                # a constant pixel stays constant
        powers = torch.stack([
            torch.fft.rfftn(frames / constant, dim=(2, 3, 4)).abs().square().mean(dim=0)
            for frames in (real, made)])
        all_reduce(powers, 'mean')
        self.real_power.lerp_(powers[0], MOMENTUM)
        self.made_power.lerp_(powers[1], MOMENTUM)
        noise = self._shaped(torch.randn_like(real)) * scale
        means = torch.stack([torch.stack([change(frames), detail(frames)])
                             for frames in (real, made, clip, sharp, noise)])     # (5, 2)
        all_reduce(means, 'mean')
        of_real, of_made, of_clip, of_sharp, of_noise = means.square()
        softness, gain = balance(
            self.softness, lacking=of_real - of_made, slope=of_clip - of_sharp, drawn=of_noise)
        self.softness.lerp_(softness, MOMENTUM)
        self.gain.lerp_(gain, MOMENTUM)

    def forward(self, clip: Tensor, sharp: Tensor, scale: Tensor, seeds: Sequence[int]) -> Tensor:
        """Clips and scales as for `update_statistics`, B seeds → (B, C, T, H, W) with texture."""
        self._check(clip, frames=clip.shape[2])
        # one by one: an FFT of several differs in the last bits from that of one
        noise = self.gain * torch.cat([self._noise(seed, clip.shape[2] - 1, scale)
                                       for seed in seeds])
        return (self._softened(clip, sharp)
                + torch.cat([torch.zeros_like(noise[:, :, :1]), noise], dim=2) * scale)

    def _check(self, clip: Tensor, frames: int = 0) -> None:
        """Raise ValueError for another shape, or one of fewer frames if any number is expected."""
        channels, changes, height, width = self.shape
        expected = (channels, changes + 1, height, width)
        if tuple(clip.shape[1:]) != (channels, max(frames, changes + 1), height, width):
            raise ValueError(f'Grain: clips must be (C, T, H, W) = {expected}, as channels, '
                             f'num_frames and size say, but got {tuple(clip.shape[1:])}; set grain '
                             'in the config of the autoencoder to the shape of the clips')

    def _softened(self, clip: Tensor, sharp: Tensor) -> Tensor:
        return sharp + self.softness * (clip - sharp)

    def _noise(self, seed: int, changes: int, like: Tensor) -> Tensor:
        """(1, C, changes, H, W) noise of one clip; of independent parts the squares add up to 1."""
        noise, part = self._shaped(self._white(seed).unsqueeze(0).to(like)), 0
        fading = self.shape[1] // 2
        angle = torch.linspace(0, math.pi / 2, fading + 2).to(like)[1:-1].view(1, 1, -1, 1, 1)
        while noise.shape[2] < changes:
            part += 1
            white = self._white(derive_seed('part', seed, part)).unsqueeze(0).to(like)
            kept, old = noise.tensor_split([noise.shape[2] - fading], dim=2)
            new, rest = self._shaped(white).tensor_split([fading], dim=2)
            noise = torch.cat([kept, angle.cos() * old + angle.sin() * new, rest], dim=2)
        return noise[:, :, :changes]

    def _shaped(self, white: Tensor) -> Tensor:
        """(B, C, T − 1, H, W) white noise → noise with the missing power."""
        missing = (self.real_power - self.made_power).clamp(min=0)
        missing[:, 0] = 0                            # of frequency 0 in time
        amplitude = (missing / white[0, 0].numel()).sqrt()
        spectrum = torch.fft.rfftn(white, dim=(2, 3, 4)) * amplitude
        return torch.fft.irfftn(spectrum, s=white.shape[2:], dim=(2, 3, 4))

    def _white(self, seed: int) -> Tensor:
        """White noise drawn on the CPU, so that it is the same on every device."""
        draw = torch.Generator().manual_seed(derive_seed('grain', seed))
        return torch.randn(self.shape, generator=draw)


def change(clip: Tensor) -> Tensor:
    """Mean absolute difference of neighbouring frames of (B, C, T, H, W) clips.

    Like a variance, its square is additive for Gaussian parts of equal spread, and nearly so
    otherwise.  A variance would be dominated by the few places that change most, and all others
    would get too much noise.
    """
    return clip.diff(dim=2).abs().mean()


def detail(clip: Tensor) -> Tensor:
    """Mean absolute Laplacian of the frames of (B, C, T, H, W) clips."""
    return laplacian(clip).abs().mean()


def balance(softness: Tensor, lacking: Tensor, slope: Tensor, drawn: Tensor
            ) -> tuple[Tensor, Tensor]:
    """Softness and gain that match change and detail of reconstructed clips to real ones.

    Solves lacking = slope · (new softness − softness) + gain² · drawn, which holds to first order;
    callers iterate.  Both results are in [0, 1].  Where the softness is clipped, the measure that
    lacks less determines the gain; where the gain is, the detail alone determines the softness.

    Args:
        softness: of the reconstructed clips.
        lacking: (2,) squared change and detail of real clips minus those of reconstructed ones.
        slope: (2,) those of blurred reconstructions minus those of sharp ones.
        drawn: (2,) those of the noise at a gain of 1.

    Returns:
        The new softness, and the gain.
    """
    drawn = drawn.clamp(min=1e-12)
    (slope_change, slope_detail), (lacking_change, lacking_detail) = slope, lacking
    (drawn_change, drawn_detail) = drawn
    determinant = slope_change * drawn_detail - slope_detail * drawn_change
    step = (lacking_change * drawn_detail - lacking_detail * drawn_change) / determinant
    # where both clips are equal, as those of the head `paint`, the softness has no effect
    new = (softness + torch.where(determinant == 0, 0, step)).clamp(0, 1)
    exact = ((lacking - slope * (new - softness)) / drawn).min()
    power = exact.clamp(0, 1)
    by_detail = softness + (lacking_detail - power * drawn_detail) / slope_detail
    alone = (power != exact) & (slope_detail != 0)
    return torch.where(alone, by_detail.clamp(0, 1), new), power.sqrt()
