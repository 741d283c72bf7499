"""Packing of clips for the training of a generator."""
from __future__ import annotations

import json
from typing import Any

import numpy as np
import torch
from mmaction.registry import TRANSFORMS
from mmcv.transforms import BaseTransform

from lddm_aug.data.frames import is_colour


@TRANSFORMS.register_module()
class PackClip(BaseTransform):
    """Pack a clip for a generator's training; default_collate makes batches of them.

    Required keys: array (T, H, W) or (T, H, W, 3) uint8; frame_inds; label; group; seed.
    Optional keys: conditions, what the table says of the video.
    Returned keys: clip, a Tensor (C, T, H, W) uint8; label; group; seed; conditions as JSON, since
        tables may differ in their columns.
    """

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        frames = results['array'][results['frame_inds']]
        if not is_colour(frames):
            frames = frames[..., None]
        clip = np.ascontiguousarray(frames.transpose(3, 0, 1, 2))               # (C, T, H, W)
        return dict(clip=torch.from_numpy(clip),
                    conditions=json.dumps(results.get('conditions', {})),
                    **{key: results[key] for key in ('label', 'group', 'seed')})
