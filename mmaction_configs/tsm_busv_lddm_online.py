"""Do clips synthesized anew in every epoch help more?  Compare with tsm_busv_lddm_mix.py."""
_base_ = './tsm_busv_lddm_mix.py'
train_dataloader = dict(dataset=dict(synthetic=dict(
    _delete_=True, **_base_.stills, pipeline=_base_.synthesize + _base_.sample + _base_.augment
    + _base_.resize + _base_.pack)))
