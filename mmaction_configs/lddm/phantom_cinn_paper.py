"""The paper's baseline in its published shape; made of the stages below."""
stages = dict(autoencoder='phantom_cinn_paper_autoencoder.py', flow='phantom_cinn_paper_flow.py')
