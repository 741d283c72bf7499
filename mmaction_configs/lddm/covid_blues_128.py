"""A generator for lung ultrasound at 128 × 128, for one GPU; made of the stages below."""
stages = dict(autoencoder='covid_blues_128_autoencoder.py',
              diffusion='covid_blues_128_diffusion.py')
