"""The paper's baseline in its published shape; made of the stages below."""
stages = dict(autoencoder='busv_cinn_paper_autoencoder.py', flow='busv_cinn_paper_flow.py')
