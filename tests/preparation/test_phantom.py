import csv
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from lddm_aug.functional.clip_motion import measure
from lddm_aug.preparation.phantom import (
    CLASSES,
    STEADY_FRAMES,
    Wave,
    draw_attributes,
    draw_patient,
    echo_envelope,
    lesion_masks,
    log_compress,
    simulate_sweep,
    steady,
    write_phantom,
)
from lddm_aug.preparation.phantom_prompts import HELD_OUT, SENTENCES, WORDINGS

SMALL = {'size': 16, 'frames': 4, 'train': 2, 'test': 2, 'stills': 2}


def read_csv(path: Path) -> list[dict[str, str]]:
    with open(path, newline='') as file:
        return list(csv.DictReader(file))


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes()
            for path in folder.rglob('*') if path.is_file()}


@pytest.fixture(scope='module')
def phantom(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp('phantom') / 'whole'
    write_phantom(out, **SMALL)
    return out


# ── physics ──

def test_speckle_of_a_homogeneous_region_is_rayleigh_distributed():
    """Goodman 1975: mean / std = sqrt(π / (4 - π)) = 1.91, whatever the scatterers' strength."""
    scatterers = np.random.default_rng(0).standard_normal((80, 120, 60), dtype=np.float32)
    envelope = echo_envelope(3 * scatterers)[8:-8, 8:-8, 8:-8]
    assert envelope.mean() / envelope.std() == pytest.approx((np.pi / (4 - np.pi)) ** 0.5, rel=0.03)
    median, mean = np.median(envelope), envelope.mean()              # of a Rayleigh variable
    assert median / mean == pytest.approx((2 * np.log(2)) ** 0.5 / (np.pi / 2) ** 0.5, rel=0.02)


def test_one_scatterer_shows_the_pulse():
    scatterers = np.zeros((21, 21, 11), np.float32)
    scatterers[10, 10, 5] = 1
    envelope = echo_envelope(scatterers)
    assert np.unravel_index(envelope.argmax(), envelope.shape) == (10, 10, 5)
    along_depth = envelope[:, 10, 5] / envelope[10, 10, 5]
    np.testing.assert_allclose(along_depth[8:13], np.exp(-0.5 * (np.arange(-2, 3) / 1.3) ** 2),
                               rtol=1e-4)            # the carrier is gone


def test_log_compression_turns_a_ratio_into_a_step():
    grey = log_compress(np.array([1e-9, 0.01, 0.1, 1.0, 10.0]), dynamic_range_db=40)
    np.testing.assert_array_equal(grey, [0, 0, 128, 255, 255])       # 20 dB = half of 40 dB


# ── what tells the classes apart ──

def flattening(label: str, number: int) -> float:
    """Relative change of the lesion's height while the probe presses and does nothing else."""
    at_rest = Wave(0, 0, 1, 0)
    patient = replace(draw_patient(number, label), elevation=at_rest, tilt=at_rest, slide=at_rest)
    heights = lesion_masks(patient, num_frames=52, size=96).sum(axis=1).max(axis=-1)
    return 1 - heights.min() / heights.max()


def test_a_benign_lesion_flattens_under_pressure_and_a_malignant_one_hardly():
    benign, malignant = (np.array([flattening(label, n) for n in range(5)]) for label in CLASSES)
    assert benign.mean() > 0.16 and malignant.mean() < 0.08
    assert benign.min() > malignant.max()


def test_behind_a_lesion_that_attenuates_it_is_darker_and_behind_one_that_does_not_brighter():
    patient = draw_patient('shadow', 'malignant')
    clear, dark, bright = (
        simulate_sweep(replace(patient, attenuation_db=value), num_frames=1)[0].astype(float)
        for value in (0., 1., -1.))
    columns = lesion_masks(patient, num_frames=1)[0].any(axis=0)
    behind = (slice(56, None), columns)
    assert dark[behind].mean() < clear[behind].mean() - 5
    assert bright[behind].mean() > clear[behind].mean() + 5


def test_looks_overlap_between_the_classes_and_softness_does_not():
    drawn = {label: [draw_patient(f'overlap {n}', label) for n in range(200)] for label in CLASSES}

    def separable(name) -> float:
        """Best accuracy that one threshold reaches."""
        benign, malignant = (np.array([name(p) for p in drawn[label]]) for label in CLASSES)
        cuts = np.concatenate([benign, malignant])[:, None]
        return max(abs((benign < cuts).mean(1) + (malignant >= cuts).mean(1)) / 2)

    for name in (lambda p: p.radii[0] / p.radii[1], lambda p: p.roughness,
                 lambda p: p.attenuation_db, lambda p: -p.echo_db):
        assert 0.52 < separable(name) < 0.75
    assert separable(lambda p: -p.softness) == 1


def test_neighbouring_frames_are_alike_and_distant_ones_are_not():
    correlation, psnr = [], []
    for n in range(6):
        sweep = simulate_sweep(draw_patient(f'motion {n}', CLASSES[n % 2]), 48).astype(float)
        correlation += [np.corrcoef(sweep[t].ravel(), sweep[t + 3].ravel())[0, 1]
                        for t in range(0, 45, 3)]
        psnr.append(10 * np.log10(255 ** 2 / ((sweep[3::3] - sweep[0]) ** 2).mean()))
    assert np.mean(correlation) > 0.9
    assert 18 < np.mean(psnr) < 27


# ── the same patient, the same bytes ──

def test_a_patient_does_not_depend_on_what_was_simulated_before():
    here = simulate_sweep(draw_patient('twice', 'benign'), 3, 16)
    other = simulate_sweep(draw_patient('other', 'benign'), 3, 16)
    np.testing.assert_array_equal(simulate_sweep(draw_patient('twice', 'benign'), 3, 16), here)
    assert (other != here).any()


def test_the_tool_writes_the_same_bytes_in_another_process(phantom, tmp_path):
    tool = Path(__file__).parents[2] / 'tools' / 'make_phantom.py'
    options = [f'--{name}={value}' for name, value in SMALL.items()]
    subprocess.run([sys.executable, tool, f'--out={tmp_path}', *options], check=True,
                   env={**os.environ, 'PYTHONHASHSEED': '7', 'PYTHONPATH': str(tool.parents[1])})
    assert contents(tmp_path) == contents(phantom)


def test_a_longer_sweep_begins_with_the_shorter_one():
    patient = draw_patient(7, 'malignant')
    long = simulate_sweep(patient, 9, 32)
    assert long.shape == (9, 32, 32) and long.dtype == np.uint8
    np.testing.assert_array_equal(long[:4], simulate_sweep(patient, 4, 32))


def test_the_pixels_use_the_grey_levels():
    sweep = simulate_sweep(draw_patient('grey', 'benign'), 3)
    assert 60 < sweep.mean() < 160 and sweep.std() > 20
    assert (sweep == 0).mean() < 0.05 and (sweep == 255).mean() < 0.05


# ── on disk ──

def test_the_oracle_begins_with_the_still(phantom):
    oracle = read_csv(phantom / 'oracle.csv')
    for still, clip in zip(read_csv(phantom / 'stills.csv'), oracle, strict=True):
        assert (still['label'], still['group']) == (clip['label'], clip['group'])
        frames = np.load(phantom / clip['path'], allow_pickle=False)
        assert frames.shape == (4, 16, 16) and frames.dtype == np.uint8
        image = cv2.imread(str(phantom / still['path']), cv2.IMREAD_UNCHANGED)
        np.testing.assert_array_equal(image, frames[0])
        assert (frames[1:] != frames[0]).any()


def test_classes_are_balanced_and_no_patient_has_two_roles(phantom):
    videos, stills = read_csv(phantom / 'videos.csv'), read_csv(phantom / 'stills.csv')
    roles = [[row for row in videos if row['split'] == split] for split in ('train', 'test')]
    for rows in (*roles, stills):
        assert sorted(row['label'] for row in rows) == sorted(CLASSES)
    groups = [row['group'] for row in videos + stills]
    assert len(set(groups)) == len(groups) == 6
    for row in videos:
        assert np.load(phantom / row['path'], allow_pickle=False).shape == (4, 16, 16)


def test_an_interrupted_run_ends_like_an_uninterrupted_one(phantom, tmp_path, monkeypatch):
    calls = 0

    def interrupted(patient, *args):
        nonlocal calls
        calls += 1
        if calls == 6:                               # the last patient, a still
            raise KeyboardInterrupt
        return simulate_sweep(patient, *args)

    with monkeypatch.context() as patch:
        patch.setattr('lddm_aug.preparation.phantom.simulate_sweep', interrupted)
        with pytest.raises(KeyboardInterrupt):
            write_phantom(tmp_path / 'again', **SMALL)
    assert not (tmp_path / 'again' / 'videos.csv').exists()
    (tmp_path / 'again' / 'videos' / 's0-test-001.npy.tmp').write_bytes(b'half')
    (tmp_path / 'again' / 'videos' / 's0-test-001.npy').unlink()
    write_phantom(tmp_path / 'again', **SMALL, jobs=2)
    assert contents(tmp_path / 'again') == contents(phantom)


def test_the_same_settings_again_change_nothing(phantom, monkeypatch):
    before = contents(phantom)
    monkeypatch.setattr('lddm_aug.preparation.phantom.simulate_sweep', None)    # would be called
    write_phantom(phantom, **SMALL)
    assert contents(phantom) == before


def test_settings_are_not_mixed_in_one_folder(phantom, tmp_path):
    with pytest.raises(ValueError, match=r'frames is 4 there and 5 here'):
        write_phantom(phantom, **{**SMALL, 'frames': 5})
    (tmp_path / 'holiday.jpg').touch()
    with pytest.raises(ValueError, match=r'not empty .*phantom\.json'):
        write_phantom(tmp_path, **SMALL)
    assert [path.name for path in tmp_path.iterdir()] == ['holiday.jpg']


def test_another_seed_gives_other_patients(phantom, tmp_path):
    write_phantom(tmp_path, **SMALL, seed=1)
    groups = {row['group'] for row in read_csv(tmp_path / 'videos.csv')}
    assert groups.isdisjoint(row['group'] for row in read_csv(phantom / 'videos.csv'))
    assert json.loads((tmp_path / 'phantom.json').read_text())['seed'] == 1


# ── refusals ──

@pytest.mark.parametrize('wrong, message', [
    ({'train': 3}, 'train .*even .*got 3'),
    ({'stills': 0}, 'stills .*got 0'),
    ({'test': -2}, 'test .*got -2'),
    ({'frames': 0}, 'frames .*got 0'),
    ({'size': -1}, 'size .*got -1'),
    ({'jobs': 0}, 'jobs .*got 0'),
])
def test_wrong_settings_are_refused_and_leave_nothing(tmp_path, wrong, message):
    with pytest.raises(ValueError, match=message):
        write_phantom(tmp_path / 'none', **{**SMALL, **wrong})
    assert not (tmp_path / 'none').exists()


def test_wrong_patients_and_sweeps_are_refused():
    with pytest.raises(ValueError, match=r"draw_patient: label .*'normal'"):
        draw_patient(1, 'normal')
    with pytest.raises(ValueError, match='draw_patient: patient_id'):
        draw_patient(' ', 'benign')
    with pytest.raises(ValueError, match=r'num_frames .*got 0'):
        simulate_sweep(draw_patient(1, 'benign'), 0)
    with pytest.raises(ValueError, match=r'size .*got 6\.4'):
        simulate_sweep(draw_patient(1, 'benign'), 1, 6.4)


# ── sweeps that a sentence describes ──

def test_a_sentence_is_true_of_every_part_of_a_steady_sweep():
    slides, changes = [], {'gentle': [], 'strong': []}
    for number in range(6):
        patient = steady(draw_patient(f'steady {number}', CLASSES[number % 2]))
        attributes = draw_attributes(patient)
        assert attributes['lesion'] == ('stiff' if patient.label == 'malignant' else 'soft')
        positions = patient.slide(np.arange(STEADY_FRAMES + 1))
        assert (np.sign(np.diff(positions)) == (1 if attributes['slide'] == 'right' else -1)).all()
        sweep = torch.from_numpy(simulate_sweep(patient, 72)[None, None, ::3].copy())
        for start in (0, 8):                         # windows of 16 frames
            clip = sweep[:, :, start:start + 16]
            slides.append((attributes['slide'], measure('slide', clip).item()))
            changes[attributes['motion']].append(measure('motion', clip).item())
    assert {side for side, _ in slides} == {'left', 'right'}
    for side, shift in slides:                       # the picture goes the other way
        assert shift > 0.5 if side == 'left' else shift < -0.5
    assert min(changes['strong']) > max(changes['gentle']) - 0.1
    assert np.median(changes['strong']) > np.median(changes['gentle']) + 0.3


def test_prompts_name_what_is_true_in_words_of_which_none_is_held_out(tmp_path):
    write_phantom(tmp_path / 'a', **SMALL | {'train': 8}, prompts=True)
    held_out = {sentence for _, _, sentence in HELD_OUT}
    for table in ('videos', 'stills', 'oracle'):
        for row in read_csv(tmp_path / 'a' / f'{table}.csv'):
            attributes = draw_attributes(draw_patient(row['group'], row['label']))
            sentences = row['prompt'].split(' | ')
            assert len(sentences) == SENTENCES and not held_out & {*sentences}
            for phrase in row['prompt'].replace(' | ', ', ').split(', '):
                meant = [(name, value) for name, values in WORDINGS.items()
                         for value, phrases in values.items() if phrase in phrases]
                assert len(meant) == 1 and attributes[meant[0][0]] == meant[0][1]
    assert not held_out & {phrase for values in WORDINGS.values() for phrases in values.values()
                           for phrase in phrases}


def test_a_phantom_with_prompts_is_another_and_one_that_would_turn_back_is_refused(tmp_path):
    write_phantom(tmp_path / 'a', **SMALL, prompts=True)
    with pytest.raises(ValueError, match='prompts'):
        write_phantom(tmp_path / 'a', **SMALL)
    with pytest.raises(ValueError, match=r'frames .* 90, .* 91'):
        write_phantom(tmp_path / 'b', **SMALL | {'frames': 91}, prompts=True)
