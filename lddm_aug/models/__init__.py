"""What a Runner trains."""
from .latent_diffusion import LatentDiffusion
from .video_autoencoder import VideoAutoencoder

__all__ = ['LatentDiffusion', 'VideoAutoencoder']
