"""Trained on what the diffusion at 128 × 128 is trained on."""
_base_ = './train_flow.py'

model = dict(still_widths=(16, 32, 64, 96))
generator = dict(size=128)
train_cfg = dict(max_iters=1800)
