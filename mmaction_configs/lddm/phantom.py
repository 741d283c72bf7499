"""A generator for the phantom: what the stages below learn becomes one package."""
stages = dict(autoencoder='phantom_autoencoder.py', diffusion='phantom_diffusion.py')
