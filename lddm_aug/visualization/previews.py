"""Clips side by side in animated pictures, and the pages that show them."""
from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from PIL import Image

FRAME_MS = 120       # every third frame of a video at 25 per second
GAP = 4              # pixels between two clips in one picture


@dataclass(frozen=True)
class Preview:
    """Clips of the same size and length, shown side by side.

    Attributes:
        title: which video.
        label: its class.
        clips: by caption: (T, H, W) or (T, H, W, 3) uint8.
    """

    title: str
    label: str
    clips: Mapping[str, np.ndarray]


def render_page(template: Path, previews: Sequence[Preview] = (), **content: Any) -> str:
    """A self-contained HTML page, without scripts, network or other files.

    Args:
        template: of Jinja; it may include `previews.css`, and `previews.html`, which shows the
            previews.
        previews: for `previews.html`.
        content: other variables of the template.
    """
    environment = Environment(
        loader=FileSystemLoader([template.parent, Path(__file__).parent]), autoescape=True,
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.get_template(template.name).render(
        previews=[_picture(preview) for preview in previews], **content)


def side_by_side(clips: Sequence[np.ndarray]) -> np.ndarray:
    """Clips (T, H, W[, 3]) uint8 → one (T, H, W', 3) with black gaps between them."""
    coloured = [clip if clip.ndim == 4 else np.repeat(clip[..., None], 3, axis=-1)
                for clip in clips]
    frames, height = coloured[0].shape[:2]
    gap = np.zeros((frames, height, GAP, 3), np.uint8)
    pieces = [piece for clip in coloured for piece in (gap, clip)][1:]
    return np.concatenate(pieces, axis=2)


def grid(previews: Sequence[Preview], columns: int = 2, times: int = 2) -> np.ndarray:
    """Previews in rows → one (T, H, W, 3), enlarged; all must have the same shape."""
    strips = [side_by_side(list(preview.clips.values())) for preview in previews]
    strips = [np.pad(strip, ((0, 0), (GAP, GAP), (2 * GAP, 2 * GAP), (0, 0))) for strip in strips]
    strips += [np.zeros_like(strips[0])] * (-len(strips) % columns)
    rows = [np.concatenate(strips[i:i + columns], axis=2) for i in range(0, len(strips), columns)]
    frames = [Image.fromarray(frame) for frame in np.concatenate(rows, axis=1)]
    size = (frames[0].width * times, frames[0].height * times)
    return np.stack([np.asarray(frame.resize(size, Image.Resampling.BICUBIC)) for frame in frames])


def encode_webp(clip: np.ndarray, quality: int = 80) -> bytes:
    """(T, H, W, 3) uint8 → a looping WebP; one frame gives a static picture."""
    first, *rest = [Image.fromarray(frame) for frame in clip]
    buffer = io.BytesIO()
    first.save(buffer, 'WEBP', save_all=bool(rest), append_images=rest, duration=FRAME_MS, loop=0,
               quality=quality, method=6)
    return buffer.getvalue()


def encode_gif(clip: np.ndarray) -> bytes:
    """(T, H, W, 3) uint8 → a looping GIF with exact grey levels, for older viewers."""
    first, *rest = [Image.fromarray(frame).convert('L') if _is_grey(frame) else
                    Image.fromarray(frame) for frame in clip]
    buffer = io.BytesIO()
    first.save(buffer, 'GIF', save_all=True, append_images=rest, duration=FRAME_MS, loop=0)
    return buffer.getvalue()


def _is_grey(frame: np.ndarray) -> bool:
    return bool((frame == frame[..., :1]).all())


def _picture(preview: Preview) -> dict[str, Any]:
    moving = side_by_side(list(preview.clips.values()))
    return {'title': preview.title, 'label': preview.label, 'names': list(preview.clips),
            'moving': data_uri('image/webp', encode_webp(moving)),
            'held': data_uri('image/webp', encode_webp(moving[:1]))}


def data_uri(kind: str, content: bytes) -> str:
    """Bytes of a MIME type as a data URI."""
    return f'data:{kind};base64,{base64.b64encode(content).decode("ascii")}'
