"""The paper's baseline on the latents that LDDM has; made of the stages below."""
stages = dict(autoencoder='phantom_autoencoder.py', flow='phantom_cinn_flow.py')
