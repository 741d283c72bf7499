"""Models that a Runner trains."""
from lddm_aug.models import backbones
from lddm_aug.models.cinn_autoencoder import CINNAutoencoder
from lddm_aug.models.distilled_diffusion import DistilledDiffusion
from lddm_aug.models.latent_diffusion import LatentDiffusion
from lddm_aug.models.latent_flow import LatentFlow
from lddm_aug.models.segment_recognizer import SegmentRecognizer
from lddm_aug.models.video_autoencoder import VideoAutoencoder

__all__ = ['CINNAutoencoder', 'DistilledDiffusion', 'LatentDiffusion', 'LatentFlow',
           'SegmentRecognizer', 'VideoAutoencoder', 'backbones']
