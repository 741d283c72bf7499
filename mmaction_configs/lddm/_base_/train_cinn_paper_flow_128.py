"""The published flow, from stills of 128 × 128."""
_base_ = './train_cinn_paper_flow.py'

model = dict(still_widths=(16, 32, 64, 64, 64, 64, 64))
generator = dict(size=128)
train_cfg = dict(max_iters=1800)
