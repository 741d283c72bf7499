"""Hooks for MMEngine's runners, the training of a generator, and MMAction2's own tools."""
from lddm_aug.engine.data_guard_hook import DataGuardHook
from lddm_aug.engine.iteration_seed_hook import IterationSeedHook
from lddm_aug.engine.progress_bar_hook import ProgressBarHook
from lddm_aug.engine.safe_checkpoint_hook import SafeCheckpointHook

__all__ = ['DataGuardHook', 'IterationSeedHook', 'ProgressBarHook', 'SafeCheckpointHook']
