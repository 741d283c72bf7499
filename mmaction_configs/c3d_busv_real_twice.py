"""Is it enough to draw each real clip twice?  A placebo; compare with c3d_busv_lddm_mix.py."""
_base_ = './c3d_busv_lddm_mix.py'
train_dataloader = dict(dataset=dict(synthetic=dict(
    _delete_=True, **_base_.real, seed=1, pipeline=_base_.train_pipeline)))
