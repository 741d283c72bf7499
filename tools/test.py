"""Test a recognizer: MMAction2's tools/test.py, with every part of lddm_aug registered.

    python tools/test.py CONFIG CHECKPOINT [--work-dir DIR] [--dump FILE.pkl] [...]
"""
from __future__ import annotations

import argparse

from mmengine.config import Config

from lddm_aug.checkpoints import read_checkpoint
from lddm_aug.cli import friendly_errors
from lddm_aug.engine.mmaction_tool import load_mmaction_tool, merge_checked
from lddm_aug.engine.runner_config import add_hooks, require_files, require_keys
from lddm_aug.hardware import refuse_unstarted_launcher


def main() -> None:
    with friendly_errors():
        tool = load_mmaction_tool('test')
        args = tool.parse_args()
        require_files(config=args.config, checkpoint=args.checkpoint)
        refuse_unstarted_launcher(args.launcher, 'tools/test.py')
        if '://' not in args.checkpoint:
            read_checkpoint(args.checkpoint)
        merge_args = tool.merge_args

        def merge_args_and_guard(config: Config, args: argparse.Namespace) -> Config:
            require_keys(config, 'model', 'test_dataloader', 'test_cfg', 'test_evaluator')
            add_hooks(config, 'ClassGuardHook', 'WeightsGuardHook')
            return merge_checked(merge_args, config, args)

        tool.merge_args = merge_args_and_guard  # type: ignore[attr-defined]
        tool.main()


if __name__ == '__main__':
    main()
