"""The published flow, from stills of 128 × 128."""
_base_ = './train_cinn_paper_flow.py'

generator = dict(size=128)
train_cfg = dict(max_iters=1800)
