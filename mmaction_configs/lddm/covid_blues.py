"""A generator for lung ultrasound: what the stages below learn becomes one package."""
stages = dict(autoencoder='covid_blues_autoencoder.py', diffusion='covid_blues_diffusion.py')
