"""A generator for the phantom at 128 × 128, for one GPU; made of the stages below."""
stages = dict(autoencoder='phantom_128_autoencoder.py', diffusion='phantom_128_diffusion.py')
