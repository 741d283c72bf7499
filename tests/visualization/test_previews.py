import io

import numpy as np
import pytest
from PIL import Image

from lddm_aug.visualization.previews import Preview, encode_gif, encode_webp, grid, side_by_side


@pytest.fixture
def clip():
    return np.random.default_rng(0).integers(0, 256, (16, 32, 32)).astype(np.uint8)


def test_side_by_side_keeps_the_pixels_of_every_clip(clip):
    colour = np.stack([clip, clip // 2, clip // 4], axis=-1)
    both = side_by_side([clip, colour])
    assert (both[:, :, :32] == clip[..., None]).all()
    assert (both[:, :, -32:] == colour).all()


def test_a_grid_holds_every_clip_and_fills_its_last_row(clip):
    previews = [Preview(str(n), 'a', {'real': clip, 'generated': clip}) for n in range(3)]
    shown = grid(previews, columns=2, times=1)
    frames, height, width, _ = shown.shape
    assert frames == len(clip)
    for top in (0, height // 2):
        for left in (0, width // 2):
            quarter = shown[:, top:top + height // 2, left:left + width // 2, 0]
            assert (quarter.sum() == 2 * clip.sum()) == ((top, left) != (height // 2, width // 2))


def test_a_picture_of_one_frame_does_not_move(clip):
    frame = np.repeat(clip[:1, ..., None], 3, axis=-1)
    assert getattr(Image.open(io.BytesIO(encode_webp(frame))), 'n_frames', 1) == 1


def test_a_gif_keeps_every_grey_level_of_every_frame(clip):
    image = Image.open(io.BytesIO(encode_gif(np.repeat(clip[..., None], 3, axis=-1))))
    assert image.n_frames == 16 and image.info['loop'] == 0
    for number, frame in enumerate(clip):
        image.seek(number)
        assert (np.asarray(image.convert('RGB')) == frame[..., None]).all()


def test_a_gif_may_be_in_colour(clip):
    colour = np.stack([clip // 64 * 64, clip // 128 * 128, np.zeros_like(clip)], axis=-1)
    image = Image.open(io.BytesIO(encode_gif(colour)))
    assert (np.asarray(image.convert('RGB')) == colour[0]).all()
