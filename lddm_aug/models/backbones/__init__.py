"""Backbones that MMAction2 lacks."""
from lddm_aug.models.backbones.atmnet import ATMNet
from lddm_aug.models.backbones.narrow_backbone import NarrowBackbone
from lddm_aug.models.backbones.still_resnet import StillResNet
from lddm_aug.models.backbones.tdn import TDN

__all__ = ['ATMNet', 'NarrowBackbone', 'StillResNet', 'TDN']
