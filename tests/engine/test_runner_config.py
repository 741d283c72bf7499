from __future__ import annotations

import pytest
from mmengine.config import Config

from lddm_aug.engine.hooks.class_guard_hook import ClassGuardHook
from lddm_aug.engine.runner_config import add_hooks


@pytest.mark.parametrize('hooks, added', [
    (None, True), ([], True), ([dict(type='IterationSeedHook')], True),
    ([dict(type='DataGuardHook')], False), ([dict(type='mmaction.ClassGuardHook')], False),
    ([dict(type=ClassGuardHook)], False), ([ClassGuardHook(own_labels=True)], False)])
def test_a_config_gets_a_hook_unless_it_has_one_of_its_class_or_of_a_subclass(hooks, added: bool):
    config = Config(dict(custom_hooks=hooks))
    for _ in range(2):
        add_hooks(config, 'ClassGuardHook')
        assert len(config.custom_hooks) == len(hooks or []) + added
        assert added == (config.custom_hooks[-1:] == [dict(type='ClassGuardHook')])
