"""The paper's baseline in its published shape, at 128 × 128; made of the stages below."""
stages = dict(autoencoder='phantom_128_cinn_paper_autoencoder.py',
              flow='phantom_128_cinn_paper_flow.py')
