"""Lends a phantom's still the motion of a training clip, at 128 × 128; made of the stages below."""
stages = dict(autoencoder='phantom_128_autoencoder.py', bank='phantom_128_motion_bank.py')
