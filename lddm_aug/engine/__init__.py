"""The training of generators and recognizers, by MMEngine's runners.

    generator_training.py     the stages of a generator, one after the other → a package
    recognizer_training.py    a recognizer's training and test
    package_init.py           … and what it begins with, where that is another package (--init)
    config_stages.py, runner_config.py   configs, and what must be in them
    training_record.py        what a training depends on, written into its checkpoints …
    training_inputs.py        … among it the files that it reads
    mmaction_tool.py          MMAction2's own tools
    bfloat16_optim_wrapper.py mixed precision without a scaler
    sharding.py               weights that are divided among the ranks
    unwrapped.py              the model inside its wrappers
    hooks/                    what a runner is watched and changed by
"""
from lddm_aug.engine import hooks
from lddm_aug.engine.bfloat16_optim_wrapper import Bfloat16OptimWrapper
from lddm_aug.engine.package_init import PackageInit
from lddm_aug.engine.sharding import wrap_denoiser_blocks

__all__ = ['Bfloat16OptimWrapper', 'PackageInit', 'hooks', 'wrap_denoiser_blocks']
