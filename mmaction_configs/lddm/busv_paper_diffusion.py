"""Which latents go with a breast still, learnt by ε-prediction at the printed rate of 0.01?"""
_base_ = './busv_diffusion.py'

model = dict(autoencoder=dict(decoder=dict(head='paint'), grain=None),
             noise=dict(target='epsilon', zero_terminal_snr=False), drop_still=0.)
generator = dict(sampler='DDPM', steps=1000)
train_dataloader = dict(batch_size=16, dataset=dict(
    autoencoder=dict(decoder=dict(head='paint'), grain=None), draws=1))
train_cfg = dict(max_iters=450)                                   # 50 epochs of 9 batches
optim_wrapper = dict(optimizer=dict(_delete_=True, type='Adam', lr=0.01))
param_scheduler = []
