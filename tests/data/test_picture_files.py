from __future__ import annotations

import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, TiffImagePlugin

from lddm_aug.data.frames import (
    UnreadableFileError,
    count_frames,
    inspect,
    is_still_file,
    read_frames,
    read_still,
    to_channels,
)

SEQUENCES = {
    'a.gif': {}, 'palette.gif': dict(mode='P'), 'a.png': {}, 'a.apng': dict(form='PNG'),
    'colour.png': dict(mode='RGB'), 'a.webp': dict(mode='RGB', lossless=True),
    'plain.tif': {}, 'lzw.tiff': dict(mode='RGB', compression='tiff_lzw'),
    'deflate.tif': dict(compression='tiff_adobe_deflate')}


def write_sequence(path: Path, frames: np.ndarray, mode: str = 'L', form: str | None = None,
                   **options) -> Path:
    first, *rest = [Image.fromarray(frame).convert(mode) for frame in frames]
    first.save(path, form, save_all=True, append_images=rest, **options)
    return path


def scene() -> np.ndarray:
    """(48, 64) of four grey levels, which tells every orientation from the others."""
    picture = np.full((48, 64), 60, np.uint8)
    picture[:24, :32], picture[24:, :32], picture[:24, 32:] = 220, 160, 110
    return picture


# ── sequences ──

@pytest.mark.parametrize('name', SEQUENCES)
def test_a_sequence_in_one_file_is_a_video(tmp_path, name, numbered, numbers):
    path = write_sequence(tmp_path / name, numbered(20), **SEQUENCES[name])
    assert numbers(read_frames(path)) == list(range(20))
    assert count_frames(path) == 20
    assert not is_still_file(path)
    assert [numbers(read_still(path, frame)[None])[0] for frame in (0, 7, 19)] == [0, 7, 19]
    with pytest.raises(UnreadableFileError, match=rf'{name} is a video'):
        read_still(path)
    with pytest.raises(UnreadableFileError, match=r' has no frame 20, .*20 frames'):
        read_still(path, 20)


@pytest.mark.parametrize('name', SEQUENCES)
def test_a_file_of_such_a_form_that_holds_one_frame_is_a_still(tmp_path, name):
    how = {'mode': 'L', 'form': None, **SEQUENCES[name]}
    Image.fromarray(scene()).convert(how['mode']).save(tmp_path / name, how['form'])
    assert is_still_file(tmp_path / name)
    assert read_frames(tmp_path / name).shape[:3] == (1, 48, 64)
    still = read_still(tmp_path / name)
    assert np.abs(to_channels(still, 1).astype(int) - scene()).mean() < 3
    with pytest.raises(UnreadableFileError, match=rf'{name} .*no frame 0'):
        read_still(tmp_path / name, 0)


@pytest.mark.parametrize('name, share', [
    (name, share) for name in SEQUENCES for share in (0.3, 0.5, 0.8, 0.97)])
@pytest.mark.filterwarnings('ignore')                # Pillow warns as well
def test_a_sequence_that_was_cut_off_is_named(tmp_path, name, share, numbered):
    path = write_sequence(tmp_path / name, numbered(20) + np.random.default_rng(0).integers(
        0, 20, (20, 48, 64, 3), np.uint8), **SEQUENCES[name])
    whole = path.read_bytes()
    path.write_bytes(whole[:int(len(whole) * share)])
    for read in (read_frames, count_frames, lambda path: read_still(path, 19)):
        with pytest.raises(UnreadableFileError, match=rf'{name} .*cut off'):
            read(path)


def test_a_tiff_whose_list_of_pages_breaks_off_is_named(tmp_path, numbered):
    path = write_sequence(tmp_path / 'a.tif', numbered(20))
    content = bytearray(path.read_bytes())
    with Image.open(path) as image:
        image.seek(9)
        place = content.find(image.tag_v2.next.to_bytes(4, 'little'))
    content[place:place + 4] = (8).to_bytes(4, 'little')             # back to the first
    path.write_bytes(content)
    for read in (read_frames, count_frames):
        with pytest.raises(UnreadableFileError, match=r'a\.tif is cut off or damaged: .* 10 pages'):
            read(path)


def test_every_frame_of_a_gif_is_drawn_over_those_before_it(tmp_path):
    frames = np.zeros((6, 40, 50, 4), np.uint8)
    for number in range(6):
        frames[number, 5:15, 6 * number:6 * number + 12] = (200, 20 * number, 50, 255)
    images = [Image.fromarray(frame) for frame in frames]
    for disposal in (2, 3):                          # frames are cut out and laid over the ground
        kept = [Image.alpha_composite(images[0], image) if disposal == 3 else image
                for image in images]
        images[0].save(tmp_path / 'a.gif', save_all=True, append_images=images[1:],
                       disposal=[1, *[disposal] * 5] if disposal == 3 else disposal)
        expected = np.stack([np.array(image)[..., :3] for image in kept])
        np.testing.assert_array_equal(read_frames(tmp_path / 'a.gif'), expected)


def test_the_picture_that_stands_in_for_an_animation_is_none_of_its_frames(tmp_path, numbered,
                                                                           numbers):
    stand_in = Image.new('L', (64, 48), 200)
    stand_in.save(tmp_path / 'a.png', save_all=True, default_image=True, append_images=[
        Image.fromarray(frame).convert('L') for frame in numbered(5)])
    assert numbers(read_frames(tmp_path / 'a.png')) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize('kind', [1, 4])             # a smaller copy, a mask
def test_thumbnails_and_masks_in_a_tiff_are_no_frames(tmp_path, kind):
    with TiffImagePlugin.AppendingTiffWriter(tmp_path / 'a.tif') as file:
        Image.fromarray(scene()).save(file, 'TIFF')
        file.newFrame()
        Image.new('L', (16, 12)).save(file, 'TIFF', tiffinfo={254: kind})
    assert is_still_file(tmp_path / 'a.tif')
    np.testing.assert_array_equal(read_still(tmp_path / 'a.tif'), scene())


def test_the_second_picture_in_a_photo_is_no_frame(tmp_path):
    photo = Image.fromarray(scene()).convert('RGB')
    photo.save(tmp_path / 'a.jpg', 'MPO', save_all=True, append_images=[photo.resize((16, 12))])
    assert Image.open(tmp_path / 'a.jpg').n_frames == 2
    assert read_still(tmp_path / 'a.jpg').shape == (48, 64, 3)


@pytest.mark.parametrize('name', ['a.gif', 'a.png', 'a.webp'])
def test_a_sequence_says_its_mean_rate(tmp_path, name, numbered):
    durations = [40, 80, 40, 40]                     # ms
    path = write_sequence(tmp_path / name, numbered(4), 'RGB', duration=durations)
    assert inspect(path) == pytest.approx(4 / 0.2)


def test_pages_say_no_rate_and_neither_does_a_still(tmp_path, numbered):
    assert inspect(write_sequence(tmp_path / 'a.tif', numbered(4))) is None
    assert inspect(write_sequence(tmp_path / 'b.gif', numbered(1))) is None


def test_a_frame_of_a_folder_holds_no_sequence(tmp_path, numbered):
    write_sequence(tmp_path / '0.png', numbered(1), 'RGB')
    write_sequence(tmp_path / '1.png', numbered(3), 'RGB')
    with pytest.raises(UnreadableFileError, match=r'1\.png .*several frames'):
        read_frames(tmp_path)


# ── as a viewer shows them ──

TURNS = {1: None, 2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180,
         4: Image.Transpose.FLIP_TOP_BOTTOM, 5: Image.Transpose.TRANSPOSE,
         6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE,
         8: Image.Transpose.ROTATE_90}


@pytest.mark.parametrize('orientation', TURNS)
@pytest.mark.parametrize('name', ['a.jpg', 'a.png', 'a.tif', 'lzw.tif', 'a.webp'])
def test_a_still_is_turned_as_its_exif_data_say(tmp_path, name, orientation):
    image, exif = Image.fromarray(scene()), Image.Exif()
    exif[0x0112] = orientation
    options = {'compression': 'tiff_lzw'} if name == 'lzw.tif' else {}
    image.save(tmp_path / name, exif=exif, **options)
    turn = TURNS[orientation]
    upright = np.array(image if turn is None else image.transpose(turn), int)
    still = to_channels(read_still(tmp_path / name), 1)
    assert still.shape == upright.shape
    assert np.abs(still - upright).mean() < 3
    folder = tmp_path / 'frames'                     # and so is a frame of a folder
    folder.mkdir()
    image.save(folder / name, exif=exif, **options)
    np.testing.assert_array_equal(to_channels(read_frames(folder), 1)[0], still)


@pytest.mark.parametrize('name', ['a.png', 'a.webp'])
def test_a_sequence_is_turned_as_its_exif_data_say(tmp_path, name, numbered):
    exif = Image.Exif()
    exif[0x0112] = 6
    write_sequence(tmp_path / name, numbered(3), 'RGB', exif=exif)
    assert read_frames(tmp_path / name).shape == (3, 64, 48, 3)


HIDDEN = 255                                         # the colour behind transparent pixels


def transparent(mode: str) -> Image.Image:
    """48 × 64 pixels, 102 bright on the right; white and transparent on the left."""
    pixels = np.full((48, 64, 4), 102, np.uint8)         # which the palette has
    pixels[..., 3] = 255
    pixels[:, :32] = (HIDDEN, HIDDEN, HIDDEN, 0)
    image = Image.fromarray(pixels)
    if mode in ('RGBA', 'LA'):
        return image.convert(mode)
    plain = image.convert('RGB').convert(mode)
    plain.info['transparency'] = plain.getpixel((0, 0))
    return plain


@pytest.mark.parametrize('name, mode', [
    ('a.png', 'RGBA'), ('a.png', 'LA'), ('a.png', 'P'), ('a.png', 'L'), ('a.png', 'RGB'),
    ('a.gif', 'P'), ('a.gif', 'L'), ('a.webp', 'RGBA'), ('a.tif', 'RGBA'), ('a.tif', 'LA')])
def test_a_transparent_ground_is_black(tmp_path, name, mode):
    image = transparent(mode)
    lossless = {'lossless': True, 'exact': True} if name == 'a.webp' else {}
    image.save(tmp_path / name, **lossless, **(
        {'transparency': image.info['transparency']} if 'transparency' in image.info else {}))
    expected = np.full((48, 64), 102)
    expected[:, :32] = 0
    still = read_still(tmp_path / name)
    assert still.ndim == (2 if mode in ('L', 'LA') and name != 'a.gif' else 3)
    assert np.abs(to_channels(still, 1).astype(int) - expected).max() <= 1


@pytest.mark.parametrize('name', ['a.gif', 'a.png', 'a.webp'])
def test_a_sequence_on_a_transparent_ground_stays_on_black(tmp_path, name):
    frames = np.full((4, 48, 64, 4), (HIDDEN, HIDDEN, HIDDEN, 0), np.uint8)
    for number in range(4):
        frames[number, :, 8 * number:8 * number + 8] = (90, 90, 90, 255)
    images = [Image.fromarray(frame) for frame in frames]
    options = {'lossless': True, 'exact': True} if name == 'a.webp' else {'disposal': {
        'a.gif': 2, 'a.png': 1}[name]}
    images[0].save(tmp_path / name, save_all=True, append_images=images[1:], **options)
    read = to_channels(read_frames(tmp_path / name), 1)
    np.testing.assert_array_equal(read, np.where(frames[..., 3] == 255, 90, 0))


def test_half_transparent_is_half_as_bright(tmp_path):
    pixels = np.full((4, 4, 4), 200, np.uint8)
    pixels[..., 3] = 128
    Image.fromarray(pixels).save(tmp_path / 'a.png')
    assert (read_still(tmp_path / 'a.png') == round(200 * 128 / 255)).all()


@pytest.mark.parametrize('mode, shape', [
    ('L', (6, 8)), ('1', (6, 8)), ('LA', (6, 8)), ('RGB', (6, 8, 3)), ('RGBA', (6, 8, 3)),
    ('P', (6, 8, 3))])
def test_a_still_of_any_8_bit_mode_is_grey_or_rgb(tmp_path: Path, mode: str,
                                                  shape: tuple[int, ...]):
    Image.new('RGB', (8, 6), (255, 255, 255)).convert(mode).save(tmp_path / 'a (1).png')
    still = read_still(tmp_path / 'a (1).png')
    assert still.shape == shape
    assert still.dtype == np.uint8
    assert (still == 255).all()


def test_red_stays_in_front(tmp_path: Path):
    for name in ('a.png', 'a.bmp', 'a.ppm', 'a.tif', 'a.webp'):
        options = {'lossless': True} if name == 'a.webp' else {}
        Image.new('RGB', (8, 6), (200, 100, 50)).save(tmp_path / name, **options)
        assert read_still(tmp_path / name)[0, 0].tolist() == [200, 100, 50]


@pytest.mark.parametrize('orientation', [1, 6])
@pytest.mark.parametrize('name, options', [
    ('a.png', {}), ('a.tif', {}), ('a.pgm', {}), ('inverted.tif', {'tiffinfo': {262: 0}})])
def test_16_grey_bits_are_brought_to_8_with_the_highest_value_white(tmp_path, name, options,
                                                                    orientation):
    values = np.random.default_rng(0).integers(0, 65536, (6, 8)).astype(np.uint16)
    expected = np.round((65535 - values if options else values) / 65535 * 255).astype(int)
    exif = Image.Exif()
    exif[274] = orientation
    if options:
        options = {'tiffinfo': {**options['tiffinfo'], 274: orientation}}
    elif name == 'a.pgm':
        orientation = 1                              # it can't say
    else:
        options = {'exif': exif}
    Image.fromarray(values).save(tmp_path / name, **options)
    expected = np.rot90(expected, -1) if orientation == 6 else expected
    np.testing.assert_array_equal(read_still(tmp_path / name), expected)


@pytest.mark.parametrize('name', ['a.png', 'a.tif'])
def test_16_bits_of_colour_are_brought_to_8(tmp_path: Path, name: str):
    values = np.random.default_rng(0).integers(0, 65536, (6, 8, 3)).astype(np.uint16)
    cv2.imwrite(str(tmp_path / name), values[..., ::-1])
    assert np.abs(read_still(tmp_path / name) - values / 257).max() <= 1


def test_a_sequence_of_16_bits_is_a_video_and_may_have_a_black_frame(tmp_path: Path):
    pages = [np.full((6, 8), level, np.uint16) for level in (0, 25_700, 65_535)]
    cv2.imwritemulti(str(tmp_path / 'a.tif'), pages)
    assert read_frames(tmp_path / 'a.tif')[:, 0, 0].tolist() == [0, 100, 255]


@pytest.mark.parametrize('name', ['a.jpg', 'a.tif'])
def test_the_colours_of_print_become_rgb(tmp_path: Path, name: str):
    Image.new('CMYK', (8, 6), (0, 255, 255, 0)).save(tmp_path / name)
    assert np.abs(read_still(tmp_path / name)[0, 0] - [255., 0, 0]).max() < 5


# ── what can't be read ──

@pytest.mark.parametrize('name, write, found', [
    ('grey.png', lambda path: cv2.imwrite(path, np.full((6, 8), 999, np.uint16)), '16 bits'),
    ('rgb.png', lambda path: cv2.imwrite(path, np.full((6, 8, 3), 999, np.uint16)), '16 bits'),
    ('rgb.tif', lambda path: cv2.imwrite(path, np.full((6, 8, 3), 999, np.uint16)), '16 bits'),
    ('pages.tif', lambda path: cv2.imwritemulti(path, [np.full((6, 8), 999, np.uint16)] * 3),
     '16 bits'),
    ('whole.tif', lambda path: Image.new('I', (8, 6)).save(path), 'colour mode I;'),
    ('float.tif', lambda path: Image.new('F', (8, 6)).save(path), 'colour mode F;')])
def test_a_picture_that_is_black_in_a_viewer_or_of_no_known_colours_is_refused(
        tmp_path: Path, name: str, write, found: str):
    write(str(tmp_path / name))
    for read in (read_frames, count_frames):
        with pytest.raises(UnreadableFileError, match=f'{name} has {found}'):
            read(tmp_path / name)


@pytest.mark.parametrize('share', [0.3, 0.6, 0.9])
@pytest.mark.parametrize('name', ['a.png', 'a.jpg', 'a.bmp', 'a.tif', 'a.webp', 'a.gif', 'a.ppm'])
@pytest.mark.filterwarnings('ignore')
def test_a_still_that_is_cut_off_is_unreadable(tmp_path: Path, name: str, share: float):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / name)
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(whole[:int(len(whole) * share)])
    with pytest.raises(UnreadableFileError, match=rf'{name} .*cut off'):
        read_still(tmp_path / name)


def test_what_is_no_picture_is_not_called_damaged_only(tmp_path):
    (tmp_path / 'notes.png').write_text('no picture')
    with pytest.raises(UnreadableFileError, match=r'notes\.png .*another format'):
        read_still(tmp_path / 'notes.png')


def test_a_picture_that_is_a_bomb_is_refused_for_its_size(tmp_path):
    chunks = (b'IHDR' + struct.pack('>IIBBBBB', 20_000, 10_000, 1, 0, 0, 0, 0), b'IDAT')
    (tmp_path / 'a.png').write_bytes(b'\x89PNG\r\n\x1a\n' + b''.join(
        struct.pack('>I', len(chunk) - 4) + chunk + struct.pack('>I', zlib.crc32(chunk))
        for chunk in chunks))
    with pytest.raises(UnreadableFileError, match=r'a\.png .*pixels .*25'):
        read_still(tmp_path / 'a.png')
