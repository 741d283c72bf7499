"""cINN's autoencoder as published, at 128 × 128: vectors of 64 for clips of 1 × 16 × 128 × 128."""
autoencoder = dict(
    type='CINNAutoencoder', num_frames=16, size=128, space_strides=(2, 2, 2, 2, 2), width=32,
    channels=1, latent_channels=64, kl_weight=1e-7)
