"""Trained on what the diffusion is trained on, by the same recipe."""
_base_ = './train_diffusion.py'

model = dict(
    _delete_=True, type='LatentFlow', still_widths=(16, 32, 64), noise=0.05,
    flow=dict(blocks=8, hidden=64, depth=1, kernel=3, dropout=0.1))
generator = dict(_delete_=True, type='CINNGenerator', num_frames=16, frame_stride=3,
                 temperature=1.0)
train_cfg = dict(max_iters=600)
optim_wrapper = dict(optimizer=dict(lr=1e-3))
average_hook = dict(momentum=0.01)
