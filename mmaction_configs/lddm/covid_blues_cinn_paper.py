"""The paper's baseline in its published shape; made of the stages below."""
stages = dict(autoencoder='covid_blues_cinn_paper_autoencoder.py',
              flow='covid_blues_cinn_paper_flow.py')
