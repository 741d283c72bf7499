"""What does a still give with the motion of any training clip of its class?"""
_base_ = './lddm.py'

stages = dict(
    _delete_=True, autoencoder=_base_.stages.autoencoder,
    bank=dict(
        bank=dict(type='LatentDataset', clips=_base_.train_clips, autoencoder=_base_.autoencoder,
                  draws=8),
        generator=dict(type='MotionTransfer', autoencoder=_base_.autoencoder, **_base_.clip)))
