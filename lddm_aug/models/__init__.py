"""What a Runner trains."""
from lddm_aug.models.latent_diffusion import LatentDiffusion
from lddm_aug.models.video_autoencoder import VideoAutoencoder

__all__ = ['LatentDiffusion', 'VideoAutoencoder']
