"""Latents of 16 × 4 × 8 × 8 for clips of 1 × 16 × 128 × 128."""
autoencoder = dict(
    type='VideoAutoencoder', channels=1, latent_channels=16, kl_weight=1e-5,
    encoder=dict(width=32, time_strides=(2, 1, 2, 1, 1), space_strides=(2, 2, 2, 2, 1)),
    decoder=dict(widths=(16, 32, 64, 96), time_compression=4, head='motion'),
    grain=dict(num_frames=16, size=128))
