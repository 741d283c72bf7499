from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from lddm_aug.audit.fingerprint import FRAMES, Fingerprint, fingerprint
from lddm_aug.data.annotations import Annotation


def look(path: Path, frame: int | None = None) -> Fingerprint:
    return fingerprint(Annotation(path, 'benign', 'g', frame, None, 2), min_frames=16)


def save(path: Path, frames: np.ndarray) -> Path:
    np.save(path, frames)
    return path


def test_a_still_is_one_frame_and_a_video_some(tmp_path, scan):
    cv2.imwrite(str(tmp_path / 'a.png'), scan(0))
    frames = np.stack([np.roll(scan(1), shift, 1) for shift in range(20)])
    still, video = look(tmp_path / 'a.png'), look(save(tmp_path / 'b.npy', frames))
    assert still.hashes.shape == (1, 128) and still.thumbnails.shape == (1, 96, 96)
    assert video.hashes.shape == (FRAMES, 128) and video.frames[0] == 0 and video.frames[-1] == 19
    assert video.count == 20
    assert still.faults == video.faults == {}
    one = look(tmp_path / 'b.npy', frame=7)
    assert len(one.hashes) == 1 and one.faults == {}


def test_the_digest_is_of_the_pixels_not_of_the_file(tmp_path, scan):
    cv2.imwrite(str(tmp_path / 'a.png'), scan(0))
    cv2.imwrite(str(tmp_path / 'b.bmp'), cv2.cvtColor(scan(0), cv2.COLOR_GRAY2BGR))
    cv2.imwrite(str(tmp_path / 'c.png'), scan(1))
    a, b, c = (look(tmp_path / name).digest for name in ('a.png', 'b.bmp', 'c.png'))
    assert a == b != c


@pytest.mark.parametrize('make, kind', [
    (lambda scan: np.stack([scan] * 20), 'constant'),
    (lambda scan: np.zeros((20, 64, 64), np.uint8), 'empty'),
    (lambda scan: np.stack([np.roll(scan, shift, 1) for shift in range(15)]), 'too short')])
def test_a_video_with_a_fault_is_named(tmp_path, scan, make, kind):
    assert list(look(save(tmp_path / 'a.npy', make(scan(0)))).faults) == [kind]


@pytest.mark.parametrize('name, content', [('a.mp4', b'no video'), ('a.png', b''),
                                           ('a.npy', b'\x93NUMPY'), ('a.png', b'\x89PNG\r\n')])
def test_a_damaged_file_is_a_finding_not_an_error(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    found = look(tmp_path / name)
    assert list(found.faults) == ['unreadable'] and name in found.faults['unreadable']
    assert len(found.hashes) == 0
