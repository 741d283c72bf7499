"""cINN's autoencoder as published, at 128 × 128: vectors of 64 for clips of 1 × 16 × 128 × 128."""
autoencoder = dict(
    type='CINNAutoencoder', num_frames=16, size=128, space_strides=(2, 2, 2, 2, 2), width=32,
    channels=1, latent_channels=64, kl_weight=1e-7,
    # LPIPS is published with 30 beside an L1 of 10.  Its learned weights of such layers have means
    # of .07 to .11, which the plain distance lacks: 3 × .08.
    perceptual=None if '{{$VGG:none}}' == 'none' else dict(
        vgg='{{$VGG:none}}', weight=0.25, frames=4),
    adversarial=dict(spatial=0.1, temporal=0.1, matching=1.0, penalty=10.0, width=64))
