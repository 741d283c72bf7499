"""What MMEngine's runners are watched and changed by, one hook a file."""
from lddm_aug.engine.hooks.class_guard_hook import ClassGuardHook
from lddm_aug.engine.hooks.condition_statistics_hook import ConditionStatisticsHook
from lddm_aug.engine.hooks.data_guard_hook import DataGuardHook
from lddm_aug.engine.hooks.finite_loss_hook import FiniteLossHook
from lddm_aug.engine.hooks.iteration_seed_hook import IterationSeedHook
from lddm_aug.engine.hooks.last_validation_hook import LastValidationHook
from lddm_aug.engine.hooks.latent_statistics_hook import LatentStatisticsHook
from lddm_aug.engine.hooks.preview_hook import PreviewHook
from lddm_aug.engine.hooks.progress_bar_hook import ProgressBarHook
from lddm_aug.engine.hooks.quarantine_hook import QuarantineHook
from lddm_aug.engine.hooks.running_statistics_hook import RunningStatisticsHook
from lddm_aug.engine.hooks.safe_checkpoint_hook import SafeCheckpointHook
from lddm_aug.engine.hooks.sampler_guard_hook import SamplerGuardHook
from lddm_aug.engine.hooks.synthetic_share_hook import SyntheticShareHook
from lddm_aug.engine.hooks.training_record_hook import TrainingRecordHook
from lddm_aug.engine.hooks.validation_curve_hook import ValidationCurveHook
from lddm_aug.engine.hooks.weights_guard_hook import WeightsGuardHook

__all__ = ['ClassGuardHook', 'ConditionStatisticsHook', 'DataGuardHook', 'FiniteLossHook',
           'IterationSeedHook', 'LastValidationHook', 'LatentStatisticsHook', 'PreviewHook',
           'ProgressBarHook', 'QuarantineHook', 'RunningStatisticsHook', 'SafeCheckpointHook',
           'SamplerGuardHook', 'SyntheticShareHook', 'TrainingRecordHook', 'ValidationCurveHook',
           'WeightsGuardHook']
