"""cINN's autoencoder in the shape published for 128 × 128, at 64 × 64: vectors of 64.

The authors doubled its widths for 64 × 64 (385 GFLOP a clip), which no CPU trains.
"""
autoencoder = dict(
    type='CINNAutoencoder', num_frames=16, size=64, space_strides=(2, 1, 2, 2, 2), width=32,
    channels=1, latent_channels=64, kl_weight=1e-7)
