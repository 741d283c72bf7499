"""A generator for breast sweeps: what the stages below learn becomes one package."""
stages = dict(autoencoder='busv_autoencoder.py', diffusion='busv_diffusion.py')
