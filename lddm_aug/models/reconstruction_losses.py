"""What an autoencoder may be trained for beside the pixels."""
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
    """Of each (B, C, T, H, W) clip the same `count` frames, never frame 0 → (B · count, C, H, W).

    Frame 0 is the still itself.
    """
    num_frames = clips[0].shape[2]
    chosen = 1 + torch.randperm(num_frames - 1)[:count]
    return tuple(clip[:, :, chosen].transpose(1, 2).flatten(0, 1) for clip in clips)


class PerceptualLoss(nn.Module):
    """Distance between VGG features of real and rebuilt frames (Zhang et al. 2018)."""

    def __init__(self, vgg: str, weight: float = 0.1, frames: int = 1) -> None:
        super().__init__()
        # in a tuple, so that the weights, which the user has, don't go into every checkpoint
        self.vgg = (VGGFeatures(vgg),)
        self.weight = weight
        self.frames = frames

    def forward(self, made: Tensor, real: Tensor) -> dict[str, Tensor]:
        """(B, C, T, H, W) rebuilt and real clips → the weighted loss."""
        ours, theirs = some_frames((made, real), self.frames)
        vgg = self.vgg[0].to(made.device)
        distance = perceptual_distance(vgg(ours), vgg(theirs)).mean()
        return dict(loss_perceptual=self.weight * distance)


class AdversarialLoss(nn.Module):
    """What a discriminator of frames and one of motion say (Lim and Ye 2017).

    Args:
        channels: C of the clips.
        spatial, temporal: weight of what the frames' and the motion's discriminator says; 0 for
            none.
        matching: of the distance in the features of the motion's discriminator.
        penalty: of the gradient penalty, in the motion's discriminator's own loss.
        width: channels of the discriminators' first layer.
        frames: of each clip that the frames' discriminator sees, drawn anew each time.
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
        """(B, C, T, H, W) rebuilt and real clips → both sides' losses."""
        losses = {}
        for name, discriminator in self.discriminators.items():
            pair = some_frames((real, made), self.frames) if name == 'spatial' else (real, made)
            told_apart, fooled = hinge_losses(discriminator, *pair)
            losses[f'loss_{name}_discriminator'] = told_apart
            losses[f'loss_{name}'] = self.weights[name] * fooled
        if self.matching:
            losses['loss_matching'] = self.matching * feature_matching(
                self.discriminators['temporal'], real, made)
        if self.penalty:
            losses['loss_penalty'] = self.penalty * gradient_penalty(
                self.discriminators['temporal'], real)
        return losses
