"""Of stills of 128 × 128, to latents of the same grid as at 64 × 64; for one GPU."""
_base_ = './train_diffusion.py'

model = dict(denoiser=dict(still_widths=(16, 32, 64, 96)))
generator = dict(size=128)
train_cfg = dict(max_iters=3000)
