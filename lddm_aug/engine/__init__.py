"""Hooks for MMEngine's runners, the training of a generator, and MMAction2's own tools."""
from lddm_aug.engine.bfloat16_optim_wrapper import Bfloat16OptimWrapper
from lddm_aug.engine.class_guard_hook import ClassGuardHook
from lddm_aug.engine.data_guard_hook import DataGuardHook
from lddm_aug.engine.finite_loss_hook import FiniteLossHook
from lddm_aug.engine.iteration_seed_hook import IterationSeedHook
from lddm_aug.engine.latent_statistics_hook import LatentStatisticsHook
from lddm_aug.engine.preview_hook import PreviewHook
from lddm_aug.engine.progress_bar_hook import ProgressBarHook
from lddm_aug.engine.safe_checkpoint_hook import SafeCheckpointHook
from lddm_aug.engine.sampler_guard_hook import SamplerGuardHook
from lddm_aug.engine.synthetic_share_hook import SyntheticShareHook
from lddm_aug.engine.training_record_hook import TrainingRecordHook
from lddm_aug.engine.weights_guard_hook import WeightsGuardHook

__all__ = ['Bfloat16OptimWrapper', 'ClassGuardHook', 'DataGuardHook', 'FiniteLossHook',
           'IterationSeedHook', 'LatentStatisticsHook', 'PreviewHook', 'ProgressBarHook',
           'SafeCheckpointHook', 'SamplerGuardHook', 'SyntheticShareHook', 'TrainingRecordHook',
           'WeightsGuardHook']
