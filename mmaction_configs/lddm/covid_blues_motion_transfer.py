"""Lends a lung's still the motion of a training clip; made of the stages below."""
stages = dict(autoencoder='covid_blues_autoencoder.py', bank='covid_blues_motion_bank.py')
