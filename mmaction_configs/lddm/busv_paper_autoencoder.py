"""How well does a decoder that paints every frame rebuild a breast sweep at the printed rate?"""
_base_ = './busv_autoencoder.py'

model = dict(decoder=dict(head='paint'), grain=None)
train_cfg = dict(max_iters=1700, val_interval=850)                # 100 epochs of 17 batches
optim_wrapper = dict(optimizer=dict(_delete_=True, type='Adam', lr=1e-5))
param_scheduler = []
