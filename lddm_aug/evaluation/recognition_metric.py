"""Is a video what the recognizer says it is? Counted per video and per group."""
from __future__ import annotations

import json
import logging
import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmaction.registry import METRICS
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log
from sklearn.metrics import accuracy_score, f1_score, recall_score, roc_auc_score
from torch import Tensor

from lddm_aug.classes import class_list
from lddm_aug.files import atomic_write


@METRICS.register_module()
class RecognitionMetric(BaseMetric):
    """Accuracy, F1, AUC, sensitivity and specificity of a recognizer.

    Every number is given twice: `video/...` counts videos, `group/...` counts groups
    (patients). Several clips of one video (the same `filename`) are averaged into one score,
    and so are the videos of one group. A group whose videos carry different labels has no label
    of its own: `group/` leaves it out and says how many were left out. Without `group` on
    every sample there is no `group/`.

    AUC, sensitivity and specificity ask one question: `positive`, or any other class? A number
    that the test set cannot answer (an AUC where only one class occurs) is nan.

    It reads what MMAction2's own metrics read, and the `filename`, `group` and `origin` that
    `PackActionInputs(meta_keys=('filename', 'group', 'origin'))` passes. Synthetic clips are
    for training only and refused.

    Args:
        positive: index of the class that sensitivity speaks of.
        out_file: where to write the score of every video, one JSON object a line.
        collect_device: as in `BaseMetric`; 'gpu' serves CPUs too, and needs no folder that all
            processes see.
    """

    def __init__(
        self,
        positive: int = 1,
        out_file: str | Path | None = None,
        collect_device: str = 'gpu',
    ) -> None:
        super().__init__(collect_device=collect_device)
        self.positive = positive
        self.out_file = out_file

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Keep of every sample what the numbers need."""
        for sample in data_samples:
            if sample.get('origin') == 'synthetic':
                raise ValueError(
                    'RecognitionMetric: synthetic clips are for training only, but '
                    f'{sample.get("filename")} of the evaluated data is one'
                )
            label = sample['gt_label']
            if label.numel() != 1:
                raise ValueError(
                    'RecognitionMetric: a video has one label, but '
                    f'{sample.get("filename")} has {label.tolist()}'
                )
            self.results.append({
                'filename': sample.get('filename'),
                'group': sample.get('group'),
                'label': label.item(),
                'scores': probabilities(sample['pred_score'], sample.get('filename')),
            })

    def compute_metrics(self, results: list[dict]) -> dict[str, float]:
        """Average clips into videos and videos into groups, and count. Main process only."""
        if not results:
            raise ValueError('RecognitionMetric: nothing was evaluated; the dataset gave no sample')
        videos = _average(
            results,
            # a sample that names no file is a video of its own
            keys=[index if r['filename'] is None else r['filename']
                  for index, r in enumerate(results)],
        )
        mixed = [video['filename'] for video in videos if len(video['labels']) > 1]
        if mixed:
            raise ValueError(
                f'RecognitionMetric: a video has one label, but {mixed[0]} stands '
                'in the evaluated data with several; remove the wrong rows'
            )
        classes = self._classes(num_scores=len(videos[0]['scores']))
        if self.out_file is not None:
            _write(Path(self.out_file), videos, classes)
        metrics = self._count(videos, classes, 'video')

        if all(video['group'] is not None for video in videos):
            groups = _average(videos, keys=[video['group'] for video in videos])
            clear = [group for group in groups if len(group['labels']) == 1]
            if len(clear) < len(groups):
                print_log(
                    f'RecognitionMetric: {len(groups) - len(clear)} of {len(groups)} groups hold '
                    'videos of different labels and are left out of group/',
                    logger='current',
                )
            if clear:
                metrics |= self._count(clear, classes, 'group')
        return metrics

    def _classes(self, num_scores: int) -> list[str]:
        named = class_list('RecognitionMetric', (self.dataset_meta or {}).get('classes'))
        classes = list(named or map(str, range(num_scores)))
        if len(classes) != num_scores:
            raise ValueError(
                f'RecognitionMetric: the recognizer gives {num_scores} scores for the '
                f'{len(classes)} classes {tuple(classes)}; set model.cls_head.num_classes'
            )
        if not 0 <= self.positive < num_scores:
            raise ValueError(
                'RecognitionMetric: positive is the index of one of the '
                f'{num_scores} classes, but got {self.positive!r}'
            )
        return classes

    def _count(self, rows: list[dict], classes: list[str], unit: str) -> dict[str, float]:
        """Score rows of one label each; `unit` says what a row is: a video or a group."""
        scores = np.stack([row['scores'] for row in rows])              # (N, num_classes)
        label = np.array([row['label'] for row in rows])                # (N,)
        predicted = scores.argmax(axis=-1)                              # (N,)
        is_positive, said_positive = label == self.positive, predicted == self.positive

        # a class that neither occurs nor is predicted has no F1 and no place in the mean
        f1 = {'labels': range(len(classes)), 'zero_division': np.nan}
        one_of = {'zero_division': np.nan}
        metrics = {
            'accuracy': accuracy_score(label, predicted),
            'f1_macro': f1_score(label, predicted, average='macro', **f1),
            'f1_weighted': f1_score(label, predicted, average='weighted', **f1),
            **{f'f1_{name}': value for name, value in
               zip(classes, f1_score(label, predicted, average=None, **f1), strict=True)},
            'auc': math.nan,
            'sensitivity': recall_score(is_positive, said_positive, **one_of),
            'specificity': recall_score(~is_positive, ~said_positive, **one_of),
        }
        if 0 < is_positive.sum() < len(rows):
            metrics['auc'] = roc_auc_score(is_positive, scores[:, self.positive])
        else:
            print_log(
                f'RecognitionMetric: {unit}/auc compares {classes[self.positive]!r} with the '
                f'rest, but only one of the two occurs among the {len(rows)} {unit}s: nan',
                logger='current',
                level=logging.WARNING,
            )
        return {f'{unit}/{name}': float(value) for name, value in metrics.items()}


def probabilities(scores: Tensor, filename: str | None) -> np.ndarray:
    """(num_classes,), or (views, num_classes) as `average_clips=None` leaves it → (num_classes,).

    A head averages the views' probabilities (`'prob'`), or their logits (`'score'`), or hands
    them on as logits (None): whatever is not a probability yet becomes one here.
    """
    scores = scores.detach().double().cpu()
    if not scores.isfinite().all():
        raise ValueError(
            f'RecognitionMetric: the scores of {filename} are not finite: {scores.tolist()}; '
            'the training has diverged'
        )
    if (scores < 0).any() or ((scores.sum(dim=-1) - 1).abs() > 1e-3).any():
        scores = scores.softmax(dim=-1)
    return scores.reshape(-1, scores.shape[-1]).mean(dim=0).numpy()


def _average(rows: Iterable[dict], keys: Iterable[Any]) -> list[dict]:
    """Mean scores of the rows that share a key; `labels` is the set of their labels."""
    members = defaultdict(list)
    for key, row in zip(keys, rows, strict=True):
        members[key].append(row)
    return [
        {
            **same[0],
            'labels': {row['label'] for row in same},
            'scores': np.mean([row['scores'] for row in same], axis=0),
        }
        for same in members.values()
    ]


def _write(out_file: Path, videos: list[dict], classes: list[str]) -> None:
    """One line a video: filename, group, label, predicted, scores."""
    lines = [
        json.dumps({
            'filename': video['filename'],
            'group': video['group'],
            'label': classes[video['label']],
            'predicted': classes[video['scores'].argmax()],
            'scores': dict(zip(classes, video['scores'].tolist(), strict=True)),
        }) + '\n'
        for video in videos
    ]
    out_file.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(out_file) as file:
        file.write(''.join(lines).encode())
