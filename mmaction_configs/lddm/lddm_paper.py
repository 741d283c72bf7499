"""What do the settings give that the paper prints?  lddm.py is what we recommend.

"Iterations" are read as epochs, of 132 training videos (70 % of BUSV).  What the paper leaves
unsaid is as in our recipe: losses other than L1, the denoiser, the size of 128 pixels.
"""
_base_ = './lddm.py'

__painted = dict(decoder=dict(head='paint'), grain=None)

stages = dict(
    autoencoder=dict(
        model=__painted,
        train_cfg=dict(max_iters=1700, val_interval=850),             # 100 epochs of 17 batches
        optim_wrapper=dict(optimizer=dict(_delete_=True, type='Adam', lr=1e-5)),
        param_scheduler=[]),
    diffusion=dict(
        model=dict(autoencoder=__painted, drop_still=0.,
                   noise=dict(target='epsilon', zero_terminal_snr=False)),
        generator=dict(sampler='DDPM', steps=1000),
        train_dataloader=dict(batch_size=16, dataset=dict(autoencoder=__painted, draws=1)),
        train_cfg=dict(max_iters=450),                                # 50 epochs of 9 batches
        optim_wrapper=dict(optimizer=dict(_delete_=True, type='Adam', lr=0.01)),
        param_scheduler=[]))
