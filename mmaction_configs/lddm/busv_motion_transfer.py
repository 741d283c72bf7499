"""Lends a breast still the motion of a training clip; made of the stages below."""
stages = dict(autoencoder='busv_autoencoder.py', bank='busv_motion_bank.py')
