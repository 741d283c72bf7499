"""The quality filter: clips that a recognizer of real videos finds plausible for their label."""
from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import torch
from mmaction.registry import DATASETS, MODELS
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import init_default_scope

from lddm_aug.checkpoints import read_checkpoint, refuse_missing_weights
from lddm_aug.evaluation.recognition_metric import probabilities
from lddm_aug.hardware import usual_device

KEPT_SHARE = 0.75
BATCH = 8


def score_clips(config: Config, checkpoint: Path, store: str) -> dict[str, tuple[str, float]]:
    """Each clip's label, and the probability that the recognizer gives it.

    It must have been trained on real videos of the training groups only, or the filter knows the
    test.

    Args:
        config: of the recognizer; its test pipeline reads the clips.
        checkpoint: its weights.
        store: the clips.
    """
    init_default_scope(config.get('default_scope', 'mmaction'))
    dataset = DATASETS.build(dict(
        type='SyntheticClipDataset', store=store, test_mode=True,
        classes=config.test_dataloader.dataset.get('classes'),
        pipeline=config.test_dataloader.dataset.pipeline))
    model = MODELS.build(config.model)
    weights = read_checkpoint(checkpoint)['state_dict']
    refuse_missing_weights(model, weights)
    model.load_state_dict(weights)
    model.eval().to(usual_device())

    scored: dict[str, tuple[str, float]] = {}
    for start in range(0, len(dataset), BATCH):
        indices = range(start, min(start + BATCH, len(dataset)))
        with torch.inference_mode():
            judged = model.test_step(pseudo_collate([dataset[index] for index in indices]))
        for index, sample in zip(indices, judged, strict=True):
            info = dataset.get_data_info(index)
            scores = probabilities(sample.pred_score, info['filename'])
            scored[info['clip_id']] = (dataset.metainfo['classes'][info['label']],
                                       float(scores[info['label']]))
    return scored


def plausible(scored: Mapping[str, tuple[str, float]], share: float = KEPT_SHARE) -> list[str]:
    """The most plausible clips of each class; the same share of each, at least one."""
    if not 0 < share <= 1:
        raise ValueError(f'plausible: share must lie in (0, 1], but got {share!r}')
    of_class: dict[str, list[tuple[float, str]]] = defaultdict(list)
    for clip, (label, score) in scored.items():
        of_class[label].append((score, clip))
    return sorted(clip for clips in of_class.values()
                  for _, clip in sorted(clips, reverse=True)[:max(1, round(share * len(clips)))])
