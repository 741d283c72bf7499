"""Video decoder: reconstructs a clip from its first frame and a small latent, with AdaIN blocks."""
from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.transforms.functional import gaussian_blur

from lddm_aug.functional.adain import adain
from lddm_aug.functional.warp import warp
from lddm_aug.networks.convolutions import FactorisedConv3d, FramewiseConv3d, SpaceConv3d
from lddm_aug.networks.encoder import PIXELS, unfold_time

HEADS = ('motion', 'paint')
# the head's outputs start near zero and are of order one; displacements are several pixels
FIELD_SCALE = 8.0
FIRST_SCALE = 0.05                                   # of the expected error, before training
MIDDLE = 2.8                                         # about log(256) / 2
BLURS = (1.0, 2.0)                                # σ of the blurred stills, in pixels


class StillPyramid(nn.Module):
    """(B, C, H, W) still → its features at every scale, finest first: H/2, H/4, … H/2ⁿ.

    It is computed once per clip, not once per frame.
    """

    def __init__(self, channels: int, widths: Sequence[int]) -> None:
        super().__init__()
        self.levels = nn.ModuleList()
        before = channels
        for width in widths:
            self.levels.append(nn.Sequential(
                nn.Conv2d(before, width, 3, stride=2, padding=1), nn.LeakyReLU(0.2),
                nn.Conv2d(width, width, 3, padding=1), nn.LeakyReLU(0.2)))
            before = width

    def forward(self, still: Tensor) -> list[Tensor]:
        features = []
        for level in self.levels:
            still = level(still).contiguous(memory_format=torch.channels_last)
            features.append(still)
        return features


class AdaINBlock(nn.Module):
    """One scale of the decoder, modulated by the still and then by the latent.

    A residual block of two normalised convolutions.  The still's features scale and shift the first
    pixel by pixel (SPADE, Park et al. 2019); the latent scales and shifts the second frame by frame
    (AdaIN, Huang and Belongie 2017).  The still's features also are the last input channels.  They
    are equal in every frame and are convolved once.
    """

    def __init__(self, in_channels: int, out_channels: int, still_channels: int,
                 latent_channels: int) -> None:
        super().__init__()
        inputs = in_channels + still_channels
        self.from_still = nn.Conv2d(still_channels, 2 * inputs, 3, padding=1)
        self.from_latent = nn.Conv1d(latent_channels, 2 * out_channels, 3, padding=1)
        self.conv1 = FactorisedConv3d(inputs, out_channels)
        self.conv2 = FactorisedConv3d(out_channels, out_channels)
        self.shortcut = SpaceConv3d(inputs, out_channels, size=1)

    def forward(self, x: Tensor, still_features: Tensor, latent: Tensor) -> Tensor:
        scale, shift = self.from_still(still_features).unsqueeze(2).chunk(2, dim=1)
        parts = [x, still_features.unsqueeze(2)]
        channels = [part.shape[1] for part in parts]
        moving, held = (F.leaky_relu(adain(*part), 0.2) for part in
                        zip(parts, (1 + scale).split(channels, 1), shift.split(channels, 1),
                            strict=True))
        out = self.conv1(moving, held.squeeze(2))
        frames = F.interpolate(latent.mean(dim=(3, 4)), size=x.shape[2], mode='linear')
        style = self.from_latent(frames)[..., None, None].contiguous(
            memory_format=torch.channels_last_3d)                 # (B, 2·C, T', 1, 1)
        scale, shift = style.chunk(2, dim=1)
        out = self.conv2(F.leaky_relu(adain(out, 1 + scale, shift), 0.2))
        return self.shortcut(x, still_features) + out


def enlarge(x: Tensor, time_scale: int = 1) -> Tensor:
    """(B, C, T, H, W) → (B, C, time_scale · T, 2H, 2W) by linear interpolation."""
    if time_scale != 1:
        return F.interpolate(x, scale_factor=(time_scale, 2, 2), mode='trilinear')
    frames = F.interpolate(x.transpose(1, 2).flatten(0, 1), scale_factor=2, mode='bilinear')
    return frames.unflatten(0, (len(x), -1)).transpose(1, 2)


def enlarge_pixels(x: Tensor) -> Tensor:
    """As `enlarge` for few channels, of a result in which each lies together."""
    maps = F.interpolate(x.contiguous().flatten(1, 2), scale_factor=2, mode='bilinear')
    return maps.unflatten(1, x.shape[1:3])


class VideoDecoder(nn.Module):
    """(B, C, H, W) still, (B, Cz, T/r_t, H/r_s, W/r_s) latent → clip, sharp clip, expected error.

    Both clips are (B, C, T, H, W), and their frame 0 is the still.  The sharp clip has no blur.
    The expected error of the first clip is (B, 1, T, H, W), in units of [−1, 1].  Two heads:

    - `motion`: a field (pixels) that warps the still, a gain, a residual, and weights of two
      blurred stills.  All are computed at half resolution and relative to frame 0, so that a zero
      output leaves the still unchanged.  Warping keeps the speckle, and most of an ultrasound clip
      is its warped still.  Where speckle decorrelates, the blurred stills give its mean.  What
      enters the picture is unknown; it is the still's reflection, which is as sharp and as varied.
      A linear skip connection from the latent adds the mean of the field at each place.
    - `paint`: every frame's pixels through tanh, as in the paper; both clips are the same.

    Args:
        channels: C.
        latent_channels: Cz.
        widths: channels at every scale, finest (H/2) first; r_s = 2 ** len(widths).
        time_compression: r_t, a power of two not above r_s / 2.
        head: `motion` or `paint`.
    """

    def __init__(self, channels: int, latent_channels: int, widths: Sequence[int] = (16, 32, 64),
                 time_compression: int = 4, head: str = 'motion') -> None:
        super().__init__()
        if head not in HEADS:
            raise ValueError(f'VideoDecoder: head is one of {HEADS}, but got {head!r}')
        self.head = head
        self.still_pyramid = StillPyramid(channels, widths)
        self.from_latent = nn.Conv3d(latent_channels, widths[-1], 1)
        inputs = [*widths[1:], widths[-1]]
        self.blocks = nn.ModuleList([
            AdaINBlock(before, width, width, latent_channels)
            for before, width in zip(inputs, widths, strict=True)])
        # time is upsampled as early as possible, together with space
        doublings = time_compression.bit_length() - 1
        if time_compression != 2 ** doublings or doublings > len(widths) - 1:
            raise ValueError('VideoDecoder: time_compression is a power of two up to '
                             f'{2 ** (len(widths) - 1)}, but got {time_compression}')
        self.time_scales = [2 if i < doublings else 1 for i in range(len(widths) - 1)]
        self.time_compression = time_compression
        self.space_compression = 2 ** len(widths)
        outputs = channels
        if head == 'motion':
            outputs = 2 + 1 + channels + len(BLURS)
            self.to_field = nn.Conv3d(latent_channels, 2 * time_compression, 1, bias=False)
            nn.init.normal_(self.to_field.weight, std=0.02)
        self.to_output = FramewiseConv3d(widths[0], outputs)
        nn.init.normal_(self.to_output.weight, std=1e-3)
        self.to_scale = FramewiseConv3d(widths[0] + 1, 1)
        nn.init.zeros_(self.to_scale.weight)
        nn.init.zeros_(self.to_scale.bias)  # type: ignore[arg-type]

    def forward(self, still: Tensor, latent: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        features = self.still_pyramid(still)
        # channels last, throughout: on a CPU twice as fast
        x = self.from_latent(latent).contiguous(memory_format=torch.channels_last_3d)
        for level in range(len(self.blocks) - 1, -1, -1):         # coarse to fine
            x = self.blocks[level](x, features[level], latent)
            if level > 0:
                time_scale = self.time_scales[len(self.blocks) - 1 - level]
                x = enlarge(x, time_scale)
        # in float32: bfloat16 cannot distinguish pixel 50.25 from pixel 50.3
        output = self.to_output(x).float()
        if self.head == 'motion':
            change = enlarge_pixels(_from_first(output))          # nothing changes in frame 0
            field = FIELD_SCALE * change[:, :2] + self._skip(latent, still.shape[2:])
            clip, sharp = self._move(still, field, change[:, 2:])
        else:
            clip = sharp = enlarge_pixels(output).tanh()
        # the loss of the expected error must not change the clip
        inputs = torch.cat([part.movedim(1, -1) for part in (
            x.detach(), _log_brightness(clip.detach()))], dim=-1).movedim(-1, 1)
        scale = enlarge_pixels(self.to_scale(inputs).float()).exp() * FIRST_SCALE
        clip, sharp = (torch.cat([still.unsqueeze(2), frames[:, :, 1:]], dim=2)
                       for frames in (clip, sharp))
        return clip, sharp, scale

    def _move(self, still: Tensor, field: Tensor, change: Tensor) -> tuple[Tensor, Tensor]:
        """The clip, and the same clip without blur."""
        channels = still.shape[1]
        gain, residual, softening = change.split([1, channels, len(BLURS)], dim=1)
        sharp, *soft = warp(_with_blurred(still), field, 'reflection').split(channels, dim=1)
        softened = sharp + sum(share * (blurred - sharp) for share, blurred
                               in zip(softening.split(1, dim=1), soft, strict=True))
        # the still's black (−1) stays black under any gain
        clip, sharp = ((pixels + 1) * gain.exp() - 1 + residual for pixels in (softened, sharp))
        return clip, sharp

    def _skip(self, latent: Tensor, size: Sequence[int]) -> Tensor:
        """Linear map of the latent to a (B, 2, T, H, W) field, interpolated between places."""
        field = _from_first(unfold_time(self.to_field(latent), self.time_compression).float())
        maps = F.interpolate(field.flatten(1, 2), size=size, mode='bilinear')
        return PIXELS * maps.unflatten(1, field.shape[1:3])


def _from_first(frames: Tensor) -> Tensor:
    """(B, C, T, h, w) minus its frame 0."""
    return frames - frames[:, :, :1]


def _with_blurred(still: Tensor) -> Tensor:
    """(B, C, H, W) still → (B, C · (1 + len(BLURS)), H, W), the still and its blurred versions."""
    blurred = [gaussian_blur(still, 2 * round(3 * sigma) + 1, sigma) for sigma in BLURS]
    return torch.cat([still, *blurred], dim=1)


def _log_brightness(clip: Tensor) -> Tensor:
    """(B, C, T, H, W) clip → (B, 1, T, H/2, W/2), logarithm of grey levels, about 0 in the middle.

    Errors grow about as the square root of the brightness: from 0.3 grey levels in black to 6 in
    white parts of lung videos.  The still's features are normalised and don't contain it.
    """
    grey = 127.5 * (F.avg_pool3d(clip.mean(dim=1, keepdim=True), (1, 2, 2)) + 1)
    return grey.clamp(min=0).log1p() - MIDDLE
