"""A still is dropped in, and its clip plays beside it."""
from __future__ import annotations

import base64
import io
import tempfile
from urllib.parse import urlencode

import numpy as np
import pytest
import torch
from PIL import Image

from lddm_aug.browse.clip_page import (
    MAX_SEED,
    TOLD,
    ClipPage,
    _picture,
    make_clip,
    parse_seed,
    read_upload,
)
from lddm_aug.conditions import Conditions
from lddm_aug.data.frames import read_square_still
from lddm_aug.functional.pixels import to_uint8, to_unit
from lddm_aug.generators import RandomWarp
from lddm_aug.generators.package import load_package


@pytest.fixture
def page(package) -> ClipPage:
    return ClipPage(load_package(package), package)


def choices(**others: str) -> dict[str, str]:
    label = others.pop('label', 'malignant')
    return {'name': 'a still.png', f'{TOLD}label': label, 'seed': '7', **others}


@pytest.mark.parametrize('label', ['malignant', None])
def test_the_clip_is_what_the_generator_makes_of_still_class_and_seed(
        tiny_conditional_lddm, package, still, label):
    generator = load_package(package)
    pixels = read_upload(still.name, still.read_bytes(), 16, 1)
    assert (pixels == read_square_still(still, None, 16, 1)).all()
    expected = to_uint8(tiny_conditional_lddm(
        to_unit(torch.tensor(pixels))[None, None], [7], [dict(label=label)]))[0, 0].numpy()
    clip = make_clip(generator, pixels, dict(label=label), 7)
    assert clip.shape == (8, 16, 16) and clip.tobytes() == expected.tobytes()
    assert (clip != make_clip(generator, pixels, dict(label=label), 8)).any()
    assert (clip != make_clip(generator, pixels, dict(label='benign'), 7)).any()


def test_the_pictures_are_the_still_and_a_clip_that_moves(page, still):
    made = page.make(choices(), still.read_bytes())
    opened = {name: Image.open(io.BytesIO(base64.b64decode(made[name].partition(',')[2])))
              for name in ('still', 'clip', 'held')}
    frames = [(picture.size, getattr(picture, 'n_frames', 1)) for picture in opened.values()]
    assert frames == [((16, 16), 1), ((16, 16), 8), ((16, 16), 1)]
    shown = np.asarray(opened['still'].convert('L')).astype(int)
    assert abs(shown - read_square_still(still, None, 16, 1)).mean() < 6       # WebP is lossy
    assert all(text in made['caption'] for text in ('a still.png', 'malignant', 'seed 7'))


def animated() -> bytes:
    buffer = io.BytesIO()
    frames = [Image.new('L', (8, 8), level) for level in (0, 200)]
    frames[0].save(buffer, 'PNG', save_all=True, append_images=frames[1:])
    return buffer.getvalue()


@pytest.mark.parametrize('content, others, told', [
    (b'no picture', {}, 'a still.png'), (b'', {}, 'a still.png'),
    (animated(), {}, 'several frames'), (b'', dict(name='scan.mp4'), 'scan.mp4'),
    (b'', dict(name=''), 'no still'), (None, dict(seed='-1'), "'-1'"),
    (None, dict(seed='1.5'), "'1.5'"), (None, dict(seed=''), "''"),
    (None, dict(temperature='-1'), "temperature.*'-1'"), (None, dict(temperature='nan'), "'nan'"),
    (None, dict(length='1'), "length.*'1'"), (None, dict(length='9'), "2 to 8.*'9'"),
    (None, dict(seed='9' * 5000), 'seed'), (None, dict(label='normal'), 'normal')])
def test_what_is_wrong_is_one_message_without_a_folder_of_ours(page, still, content, others, told):
    with pytest.raises(ValueError, match=told) as raised:
        page.make(choices(**others), still.read_bytes() if content is None else content)
    assert '\n' not in str(raised.value) and tempfile.gettempdir() not in str(raised.value)
    assert page.make(choices(), still.read_bytes())   # and the next still is served


def test_temperature_is_the_samplers_and_length_the_first_frames(page, package, still):
    usual = page.make(choices(), still.read_bytes())
    assert page.make(choices(temperature='1', length='8'), still.read_bytes()) == usual
    made = page.make(choices(temperature='0.5', length='3'), still.read_bytes())
    assert made['caption'] == 'a still.png · malignant · seed 7 · temperature 0.5 · first 3 frames'
    pixels = read_square_still(still, None, 16, 1)
    other = load_package(package).with_sampler(temperature=0.5)
    assert made['clip'] == _picture(make_clip(other, pixels, dict(label='malignant'), 7)[:3])
    assert page.make(choices(length='3'), still.read_bytes())['clip'] != made['clip']


def test_a_generator_without_a_temperature_is_asked_for_none(still):
    page = ClipPage(RandomWarp(size=16), 'in memory')
    shown = page._page(None).body                    # type: ignore[arg-type]
    assert b'name="temperature"' not in shown and b'name="length"' in shown
    assert page.make(choices(label=''), still.read_bytes())
    with pytest.raises(ValueError, match='temperature'):
        page.make(choices(label='', temperature='0.5'), still.read_bytes())


def test_a_seed_is_any_that_pytorch_takes():
    assert parse_seed('0') == 0
    assert torch.Generator().manual_seed(parse_seed(str(MAX_SEED))).initial_seed() == MAX_SEED
    with pytest.raises(ValueError, match=str(MAX_SEED)):
        parse_seed(str(MAX_SEED + 1))


def test_a_generator_without_classes_is_asked_for_none(tiny_lddm, still):
    page = ClipPage(tiny_lddm, 'in memory')
    assert b'name="told label"' not in page._page(None).body            # type: ignore[arg-type]
    assert page.make(choices(label=''), still.read_bytes())


def test_another_choice_stands_beside_with_what_differs(page, still):
    benign = page.make(choices(label='benign'), still.read_bytes())
    against = urlencode(choices(label='benign'))
    both = page.make(choices(against=against), still.read_bytes())
    assert both['before'] == benign['clip'] and 'benign' in both['before_caption']
    assert both['clip'] == page.make(choices(), still.read_bytes())['clip']
    same = page.make(choices(label='benign', against=against), still.read_bytes())

    def changes(made):
        picture = Image.open(io.BytesIO(base64.b64decode(made['changed'].partition(',')[2])))
        picture.seek(picture.n_frames - 1)
        return np.asarray(picture.convert('L')).max()

    other = page.make(choices(seed='8', against=against), still.read_bytes())
    assert changes(other) > 10 and changes(same) < 3     # WebP is lossy


def test_every_condition_is_a_control_of_its_kind(tiny_lddm, still):
    tiny_lddm.conditions = Conditions(
        'test', dict(view=['long', 'across'], ef='number', say='text'))
    shown = ClipPage(tiny_lddm, 'in memory')._page(None).body.decode()   # type: ignore[arg-type]
    for control in ('<select name="told view">', '<input type="number" name="told ef"',
                    '<input type="text" name="told say"', '<option>across</option>'):
        assert control in shown
