"""A recognizer's training and test, as the demo and the study run it."""
from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.dist import barrier
from mmengine.runner import Runner

from lddm_aug.checkpoints import last_checkpoint
from lddm_aug.engine.runner_config import add_hooks
from lddm_aug.engine.training_record import keep_record


def use_last_weights(config: Config, folder: Path, num_classes: int, seed: int,
                     predictions: Path) -> None:
    """Let a config train in a folder and test its last weights.

    Nothing is validated, so that nothing is chosen by looking at the test videos.

    Args:
        predictions: file with the scores of every test video.
    """
    config.merge_from_dict({
        'val_cfg': None, 'val_dataloader': None, 'val_evaluator': None,
        'test_evaluator': dict(type='RecognitionMetric', out_file=str(predictions)),
        'model.cls_head.num_classes': num_classes, 'randomness.seed': seed,
        'log_level': 'ERROR', 'work_dir': str(folder)})


def test_last_weights(config: Config) -> dict[str, Any]:
    """Test the last weights of a training in its work_dir; what was measured."""
    barrier()                                        # rank 0 has written them
    config.merge_from_dict(dict(
        load_from=str(last_checkpoint(Path(config.work_dir))), resume=False,
        experiment_name=f'{Path(config.work_dir).name}_test_{time.time_ns()}'))
    for key in ('train_cfg', 'train_dataloader', 'optim_wrapper', 'param_scheduler', 'val_cfg',
                'val_dataloader', 'val_evaluator'):
        config[key] = None
    return Runner.from_cfg(config).test()


def train_and_test(config: Config) -> tuple[Runner, dict[str, Any]]:
    """Train in the config's work_dir, or resume there, and test; the runner and what it measured.

    Raises:
        ValueError: if what was begun there had other settings or data.
    """
    folder = Path(config.work_dir)
    begun = last_checkpoint(folder)
    keep_record(config, begun if begun.is_file() else None)
    add_hooks(config, 'ClassGuardHook', 'QuarantineHook')
    config.experiment_name = f'{folder.name}_{time.time_ns()}'       # MMEngine wants a new one
    runner = Runner.from_cfg(config)
    runner.train()
    return runner, runner.test()
