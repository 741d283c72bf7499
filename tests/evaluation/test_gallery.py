import base64
import io
import re
import runpy
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from lddm_aug.data.annotations import read_annotations
from lddm_aug.evaluation.gallery import make_previews, show_video, write_gallery
from lddm_aug.functional.pixels import clip_to_uint8, to_unit
from lddm_aug.generators.package import save_package
from lddm_aug.generators.repeat_still import RepeatStill

TOOL = Path(__file__).parents[2] / 'tools/gallery.py'


@pytest.fixture
def table(tmp_path):
    """Six sweeps of 24 frames; a clip of the tiny LDDM is 8 of them, each third."""
    rows = ['path,label,group,split']
    for i in range(6):
        video = np.random.default_rng(i).integers(256, size=(24, 16, 16), dtype=np.uint8)
        np.save(tmp_path / f'{i}.npy', video)
        rows.append(f'{i}.npy,{"ab"[i % 2]},p{i},{"train" if i < 2 else "test"}')
    path = tmp_path / 'videos.csv'
    path.write_text('\n'.join(rows))
    return path


def test_a_video_stands_beside_its_reconstruction_and_two_clips_of_its_first_frame(
        tiny_lddm, table):
    row = read_annotations(table)[0]
    shown = show_video(tiny_lddm, row, seed=0).clips
    assert list(shown) == ['real', 'reconstructed', 'generated', 'another seed']
    assert (shown['real'] == np.load(row.path)[1:24:3]).all()       # the middle of the video
    for name in ('reconstructed', 'generated', 'another seed'):
        assert (shown[name][0] == shown['real'][0]).all()
    assert (shown['generated'] != shown['another seed']).any()
    real = to_unit(torch.from_numpy(shown['real'])[None, None])
    autoencoder = tiny_lddm.diffusion.autoencoder
    with torch.inference_mode():
        rebuilt = autoencoder.decode(real[:, :, 0], autoencoder.encode(real))[0].clamp(-1, 1)
    assert (clip_to_uint8(rebuilt) == shown['reconstructed']).all()


def test_a_video_of_twice_the_frame_rate_is_shown_at_the_same_tempo(table):
    generator = RepeatStill(16, num_frames=4)                       # each third frame of 12
    row = replace(read_annotations(table)[0], fps=50)
    shown = show_video(generator, row, seed=0, reference_fps=25).clips['real']
    assert (shown == np.load(row.path)[3:24:6]).all()               # each sixth of 24
    with pytest.raises(ValueError, match='has no fps in the table'):
        show_video(generator, replace(row, fps=None), seed=0, reference_fps=25)


def test_a_reference_that_is_no_rate_is_refused(table, tmp_path):
    with pytest.raises(ValueError, match=r'reference_fps .* positive, but got 0'):
        write_gallery(tmp_path / 'g.html', RepeatStill(16, num_frames=8), tmp_path,
                      read_annotations(table), reference_fps=0)


def test_a_control_reconstructs_nothing(table):
    shown = show_video(RepeatStill(16, num_frames=8), read_annotations(table)[0], seed=0).clips
    assert list(shown) == ['real', 'generated', 'another seed']


def test_a_clip_goes_to_where_a_generator_with_buffers_only_computes(table, on_meta):
    with pytest.raises(NotImplementedError, match='stills on meta'):
        show_video(on_meta, read_annotations(table)[0], seed=0)


def test_every_class_is_shown_as_often(tiny_lddm, table):
    rows = read_annotations(table)
    previews = make_previews(tiny_lddm, rows, per_class=2, seed=0)
    assert [preview.label for preview in previews] == ['a', 'a', 'b', 'b']
    again = make_previews(tiny_lddm, rows, per_class=2, seed=0)
    assert [preview.title for preview in again] == [preview.title for preview in previews]


def test_videos_of_classes_that_the_generator_does_not_know_are_not_shown(
        tiny_conditional_lddm, table):
    with pytest.raises(ValueError, match=r"label .*benign, malignant, .*'a', 'b'"):
        make_previews(tiny_conditional_lddm, read_annotations(table), per_class=1, seed=0)


def test_the_page_fetches_nothing_and_its_pictures_move(tiny_lddm, table, tmp_path):
    write_gallery(tmp_path / 'out/g.html', tiny_lddm, tmp_path, read_annotations(table), 1)
    page = (tmp_path / 'out/g.html').read_text()
    addresses = re.findall(r'(?:src|href|srcset)="([^"]*)"', page)
    assert addresses and all(address.startswith('data:') for address in addresses)
    assert '<script' not in page and 'url(' not in page
    moving = re.search(r'img src="data:image/webp;base64,([^"]+)"', page).group(1)
    assert Image.open(io.BytesIO(base64.b64decode(moving))).n_frames == 8


def test_videos_that_were_trained_on_are_marked(tiny_lddm, table, tmp_path, monkeypatch):
    save_package(tmp_path / 'package', tiny_lddm, ['p0'])
    out = tmp_path / 'g.html'
    for split, marked in (('train', True), ('test', False)):
        monkeypatch.setattr(sys, 'argv', [
            'gallery.py', str(tmp_path / 'package'), '--videos', str(table), '--split', split,
            '--out', str(out), '--per-class', '1', '--device', 'cpu'])
        runpy.run_path(str(TOOL), run_name='__main__')
        assert ('trained on\n(p0)' in out.read_text()) is marked


def test_a_counterfactual_clip_is_of_the_same_still_and_seed(tiny_conditional_lddm, table):
    row = replace(read_annotations(table)[0], label='benign')
    usual = show_video(tiny_conditional_lddm, row, seed=0).clips
    shown = show_video(tiny_conditional_lddm, row, seed=0, counterfactuals=[
        dict(label='malignant'), dict(label='benign')]).clips
    assert (shown['label benign'] == usual['generated']).all()
    assert (shown['change: label benign'] == 0).all()
    change = abs(shown['label malignant'].astype(int) - usual['generated'])
    assert change.max() > 0 and abs(shown['change: label malignant'] - change).max() <= 1
    with pytest.raises(ValueError, match=r'told label.* view'):
        make_previews(tiny_conditional_lddm, [row], 1, 0, counterfactuals=[dict(view='long')])
