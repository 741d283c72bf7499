"""Lends a lung's still the motion of a training clip, at 128 × 128; made of the stages below."""
stages = dict(autoencoder='covid_blues_128_autoencoder.py', bank='covid_blues_128_motion_bank.py')
