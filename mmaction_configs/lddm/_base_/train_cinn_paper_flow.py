"""The published flow: twenty blocks over a vector, from a still that is a vector too."""
_base_ = './train_flow.py'

model = dict(
    _delete_=True, type='LatentFlow', noise=0.1,
    still_network=dict(type='StillResNet', channels=128),
    flow=dict(blocks=20, hidden=512, depth=2, kernel=1, dropout=0.1, separate=True))
train_dataloader = dict(dataset=dict(draws=4))
optim_wrapper = dict(optimizer=dict(lr=2e-4))
