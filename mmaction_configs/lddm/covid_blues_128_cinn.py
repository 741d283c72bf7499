"""The paper's baseline on the latents that LDDM has, at 128 × 128; made of the stages below."""
stages = dict(autoencoder='covid_blues_128_autoencoder.py', flow='covid_blues_128_cinn_flow.py')
