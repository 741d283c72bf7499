"""How well does cINN's own autoencoder rebuild a phantom's sweep at 128 × 128?  For one GPU."""
_base_ = ['./_base_/runtime.py', './_base_/cinn_paper_128.py', './_base_/clips_phantom_128.py',
          './_base_/train_cinn_paper_autoencoder_128.py']

model = _base_.autoencoder
train_dataloader = dict(dataset=_base_.train_clips)
val_dataloader = dict(dataset=_base_.test_clips)
