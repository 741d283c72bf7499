"""Lends a phantom's still the motion of a training clip; made of the stages below."""
stages = dict(autoencoder='phantom_autoencoder.py', bank='phantom_motion_bank.py')
