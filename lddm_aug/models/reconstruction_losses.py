"""Optional losses of an autoencoder: perceptual and adversarial."""
from __future__ import annotations

import torch
from torch import Tensor, nn

from lddm_aug.functional.perceptual import perceptual_distance
from lddm_aug.networks.discriminators import (
    FrameDiscriminator,
    MotionDiscriminator,
    feature_matching,
    gradient_penalty,
    hinge_losses,
)
from lddm_aug.networks.vgg import VGGFeatures


def some_frames(clips: tuple[Tensor, ...], count: int) -> tuple[Tensor, ...]:
    """`count` random frames of (B, C, T, H, W) clips, the same of each → (B · count, C, H, W).

    Frame 0 is never drawn, because it is the still itself.
    """
    num_frames = clips[0].shape[2]
    chosen = 1 + torch.randperm(num_frames - 1)[:count]
    return tuple(clip[:, :, chosen].transpose(1, 2).flatten(0, 1) for clip in clips)


class PerceptualLoss(nn.Module):
    """Distance between VGG features of real and reconstructed frames (Zhang et al. 2018).

    Args:
        vgg: path of the weights, as for `VGGFeatures`.
        weight: of the loss.
        frames: of each clip that are compared, drawn anew each time.
    """

    def __init__(self, vgg: str, weight: float = 0.1, frames: int = 1) -> None:
        super().__init__()
        # in a tuple, so that checkpoints don't contain the VGG's weights
        self.vgg = (VGGFeatures(vgg),)
        self.weight = weight
        self.frames = frames

    def forward(self, made: Tensor, real: Tensor) -> dict[str, Tensor]:
        """(B, C, T, H, W) reconstructed and real clips → the weighted loss."""
        ours, theirs = some_frames((made, real), self.frames)
        vgg = self.vgg[0].to(made.device)
        distance = perceptual_distance(vgg(ours), vgg(theirs)).mean()
        return dict(loss_perceptual=self.weight * distance)


class AdversarialLoss(nn.Module):
    """Hinge losses of a discriminator of frames and one of motion (Lim and Ye 2017).

    Args:
        channels: C of the clips.
        spatial: weight of the frame discriminator's score; 0 for no such discriminator.
        temporal: weight of the motion discriminator's score; 0 for no such discriminator.
        matching: weight of the distance between features of the motion discriminator.
        penalty: weight of the gradient penalty in the motion discriminator's own loss.
        width: channels of the discriminators' first layer.
        frames: of each clip that the frame discriminator scores, drawn anew each time.
    """

    def __init__(self, channels: int, spatial: float = 0.0, temporal: float = 0.0,
                 matching: float = 0.0, penalty: float = 0.0, width: int = 16,
                 frames: int = 2) -> None:
        super().__init__()
        if (matching or penalty) and not temporal:
            raise ValueError('AdversarialLoss: matching and penalty belong to the discriminator '
                             'of motion, which temporal=0 leaves out; give temporal a weight')
        self.weights = dict(spatial=spatial, temporal=temporal)
        self.matching = matching
        self.penalty = penalty
        self.frames = frames
        self.discriminators = nn.ModuleDict()
        if spatial:
            self.discriminators['spatial'] = FrameDiscriminator(channels, width)
        if temporal:
            self.discriminators['temporal'] = MotionDiscriminator(channels, width)

    def forward(self, made: Tensor, real: Tensor) -> dict[str, Tensor]:
        """(B, C, T, H, W) reconstructed and real clips → losses of discriminators and decoder."""
        losses = {}
        for name, discriminator in self.discriminators.items():
            pair = some_frames((real, made), self.frames) if name == 'spatial' else (real, made)
            loss_discriminator, loss_generator = hinge_losses(discriminator, *pair)
            losses[f'loss_{name}_discriminator'] = loss_discriminator
            losses[f'loss_{name}'] = self.weights[name] * loss_generator
        if self.matching:
            losses['loss_matching'] = self.matching * feature_matching(
                self.discriminators['temporal'], real, made)
        if self.penalty:
            losses['loss_penalty'] = self.penalty * gradient_penalty(
                self.discriminators['temporal'], real)
        return losses
