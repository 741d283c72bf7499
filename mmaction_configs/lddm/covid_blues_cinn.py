"""The paper's baseline on the latents that LDDM has; made of the stages below."""
stages = dict(autoencoder='covid_blues_autoencoder.py', flow='covid_blues_cinn_flow.py')
