"""Which vectors go with a breast still, in the baseline as published?  For one GPU."""
_base_ = ['./_base_/runtime.py', './_base_/cinn_paper_128.py', './_base_/clips_busv.py',
          './_base_/train_cinn_paper_flow.py']

model = dict(autoencoder=_base_.autoencoder,
             still_network=dict(pretrained='torchvision://resnet50'))
generator = dict(size=128)
train_dataloader = dict(batch_size=64, dataset=dict(
    clips=_base_.train_clips, autoencoder=_base_.autoencoder, draws=32))
train_cfg = dict(max_iters=20000)
optim_wrapper = dict(optimizer=dict(lr=1e-4))
custom_hooks = _base_.custom_hooks + [dict(_base_.average_hook, momentum=0.001)]
default_hooks = dict(checkpoint=dict(interval=2000))
