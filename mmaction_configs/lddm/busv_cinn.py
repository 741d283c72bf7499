"""The paper's baseline on the latents that LDDM has; made of the stages below."""
stages = dict(autoencoder='busv_autoencoder.py', flow='busv_cinn_flow.py')
