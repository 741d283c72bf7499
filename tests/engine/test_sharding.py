"""Why a FlexibleRunner is refused; test_distributed_training.py compares what it trains."""
from __future__ import annotations

import pytest
from mmengine.config import Config

import lddm_aug  # noqa: F401  registers the parts
from lddm_aug.engine.sharding import refuse_other_sharding, wrap_denoiser_blocks
from lddm_aug.networks.denoiser import Denoiser, DenoiserBlock

STAGE = dict(model=dict(type='LatentDiffusion'), runner_type='FlexibleRunner',
             strategy=dict(type='FSDPStrategy', state_dict_cfg='full'),
             custom_hooks=[dict(type='IterationSeedHook')])


def refuse(launcher: str = 'pytorch', **changes: object) -> None:
    refuse_other_sharding(Config(STAGE | changes), 'diffusion', launcher)


def test_a_diffusion_is_divided_and_runners_are_as_before():
    refuse()
    refuse('none', runner_type='Runner', strategy=None)


@pytest.mark.parametrize('changes, named', [
    (dict(launcher='none'), '--launcher pytorch'),
    (dict(runner_type='Runner'), "runner_type='FlexibleRunner'"),
    (dict(runner_type='Other'), "'Other'"),
    (dict(strategy=None), 'FSDPStrategy'),
    (dict(strategy=dict(type='FSDPStrategy', state_dict_cfg='local')), "'local'"),
    (dict(strategy=dict(type='DDPStrategy', state_dict_cfg='full')), 'DDPStrategy'),
    (dict(model=dict(type='VideoAutoencoder')), 'VideoAutoencoder'),
    (dict(custom_hooks=[dict(type='EMAHook')]), 'EMAHook'),
    (dict(default_hooks=dict(preview=dict(type='PreviewHook'))), 'PreviewHook'),
    (dict(activation_checkpointing=['denoiser.blocks.0']), '--activation-checkpointing')], ids=str)
def test_what_needs_whole_weights_is_refused(changes, named):
    with pytest.raises(ValueError, match=named):
        refuse(**changes)


def test_blocks_of_a_denoiser_are_divided_one_by_one():
    denoiser = Denoiser(1, 4, still_widths=[8], width=16, depth=2, heads=2)
    divided = [module for module in denoiser.modules() if wrap_denoiser_blocks(module, False, 0)]
    assert len(divided) == 2 and all(isinstance(each, DenoiserBlock) for each in divided)
