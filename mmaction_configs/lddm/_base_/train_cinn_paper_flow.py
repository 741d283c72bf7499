"""The published flow: twenty blocks over a vector, from a still that is a vector too."""
_base_ = './train_flow.py'

model = dict(still_widths=(16, 32, 64, 64, 64, 64), noise=0.1,
             flow=dict(blocks=20, hidden=512, depth=2, kernel=1))
train_dataloader = dict(dataset=dict(draws=4))
optim_wrapper = dict(optimizer=dict(lr=2e-4))
