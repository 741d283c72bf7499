"""Training whose weights are divided among the ranks, by MMEngine's FlexibleRunner."""
from __future__ import annotations

from typing import Any

from mmaction.registry import HOOKS, MODELS
from mmengine.config import Config
from mmengine.hooks import EMAHook
from mmengine.registry import FUNCTIONS
from mmengine.runner import FlexibleRunner, Runner
from torch import nn

from lddm_aug.checkpoints import refuse_unusable_pretrained
from lddm_aug.engine.hooks.preview_hook import PreviewHook
from lddm_aug.models.latent_diffusion import LatentDiffusion
from lddm_aug.networks.denoiser import DenoiserBlock

RUNNERS = ('Runner', 'FlexibleRunner')
STRATEGY = dict(type='FSDPStrategy', state_dict_cfg='full')


@FUNCTIONS.register_module()
def wrap_denoiser_blocks(module: nn.Module, recurse: bool, nonwrapped_numel: int) -> bool:
    """For `auto_wrap_policy`: a rank has the whole weights of one block of a denoiser at a time."""
    return recurse or isinstance(module, DenoiserBlock)


def build_runner(config: Config) -> Runner:
    """The runner that a config names in `runner_type`, as MMEngine's tools do; by default Runner.

    A FlexibleRunner has what the trainings here use of a Runner.
    """
    if config.get('runner_type', 'Runner') == 'FlexibleRunner':
        runner: Any = FlexibleRunner.from_cfg(config)
        runner.model = MODELS.build(config.model)    # drawn as a Runner draws it, before the data
        refuse_unusable_pretrained(runner.model)
        return runner
    return Runner.from_cfg(config)


def refuse_other_sharding(stage: Config, name: str, launcher: str) -> None:
    """Raise ValueError where a stage's FlexibleRunner could not train it, or not to a package."""
    kind = stage.get('runner_type', 'Runner')
    if kind not in RUNNERS:
        raise ValueError(f'{stage.filename}: runner_type must be {" or ".join(RUNNERS)}, but is '
                         f'{kind!r}')
    strategy = stage.get('strategy')
    if kind == 'Runner':
        if strategy is not None:
            raise ValueError(f"{stage.filename}: a strategy needs runner_type='FlexibleRunner'; "
                             'add it, or leave the strategy out')
        return
    if launcher == 'none':
        raise ValueError(f'{stage.filename}: a FlexibleRunner divides weights among processes; '
                         'start them by torchrun, and add --launcher pytorch')
    given = {key: (strategy or {}).get(key) for key in STRATEGY}
    if given != STRATEGY:
        raise ValueError(f'{stage.filename}: a FlexibleRunner needs strategy={STRATEGY!r}, so that '
                         f'checkpoints are whole, but got {given!r}')
    if not issubclass(MODELS.get(stage.model.type), LatentDiffusion):
        raise ValueError(f'{stage.filename}: the weights of a diffusion alone can be divided among '
                         f'processes, but {name or "the stage"} trains a {stage.model.type}; leave '
                         'runner_type and strategy out there')
    whole = [hook.type for hook in _hooks(stage)
             if issubclass(HOOKS.get(hook.type) or object, (EMAHook, PreviewHook))]
    if whole:
        raise ValueError(f'{stage.filename}: {" and ".join(whole)} would need all weights in one '
                         'process; take it out of default_hooks '
                         'and custom_hooks')
    if stage.get('activation_checkpointing'):
        raise ValueError('--activation-checkpointing is for the Runner; set '
                         'strategy.activation_checkpointing in place of it')


def _hooks(stage: Config) -> list[Config]:
    return [hook for hook in [*(stage.get('default_hooks') or {}).values(),
                              *(stage.get('custom_hooks') or [])]
            if isinstance(hook, dict) and isinstance(hook.get('type'), str)]
