"""What every recognizer's training here has beside MMAction2's own runtime."""
custom_imports = dict(imports=['lddm_aug'])      # so that MMAction2's own tools find our parts
custom_hooks = [
    dict(type='DataGuardHook'), dict(type='SamplerGuardHook'), dict(type='WeightsGuardHook'),
    dict(type='IterationSeedHook'), dict(type='FiniteLossHook')]
randomness = dict(seed=0)
