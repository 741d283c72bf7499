"""What holds for every source: the form, resuming, bad files, confinement."""
from __future__ import annotations

import errno
import json
import os
import signal
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lddm_aug.data.annotations import read_annotations
from lddm_aug.data.frames import read_frames, read_still
from lddm_aug.files import atomic_write
from lddm_aug.preparation import prepare as prepare_module
from lddm_aug.preparation import prepared_folder
from lddm_aug.preparation.folder import list_folder
from lddm_aug.preparation.prepare import Options, prepare
from lddm_aug.preparation.prepared_folder import names_of, refuse_nesting


@pytest.fixture
def good(source: Path, write):
    """A class with four videos and a still."""
    for number in range(4):
        write(source / f'benign/v{number}', number)
    write(source / 'benign/a (1).png', 9)
    return source


# ── the form ──

def test_pixels_are_those_of_the_source_and_the_table_describes_them(source, out, run, table,
                                                                     write):
    video = write(source / 'benign/v1', 1)
    still = write(source / 'malignant/a (1).png', 2, shape=(9, 11, 3))
    run(list_folder(source, fps=25))
    row = table('videos.csv')['benign/v1']
    np.testing.assert_array_equal(np.load(out / row['path']), video)
    assert (row['frames'], row['size'], row['fps'], row['group']) == ('16', '12x10', '25',
                                                                      'benign/v1')
    assert row['sha256'] == sha256((out / row['path']).read_bytes()).hexdigest()
    row = table('stills.csv')['malignant/a (1).png']
    np.testing.assert_array_equal(np.array(Image.open(out / row['path'])), still)
    assert (row['frames'], row['size'], row['fps']) == ('1', '9x11', '')


def test_the_tables_are_what_training_reads(good, out, run):
    run(list_folder(good, fps=30))
    video, *_ = read_annotations(out / 'videos.csv')
    still, = read_annotations(out / 'stills.csv')
    assert video.fps == 30
    assert read_frames(video.path).shape == (16, 12, 10)
    assert read_still(still.path, still.frame).shape == (12, 10)
    assert ' ' not in still.path.name


def test_what_has_no_colour_is_kept_grey_and_colour_only_on_request(source, out, run, table, write):
    grey = write(source / 'a/grey.png', 1)
    Image.fromarray(np.stack([grey] * 3, axis=-1)).save(source / 'a/rgb.png')
    write(source / 'a/colour.png', 2, shape=(8, 8, 3))
    run(list_folder(source))
    rows = table('stills.csv')
    np.testing.assert_array_equal(np.array(Image.open(out / rows['a/rgb.png']['path'])), grey)
    assert Image.open(out / rows['a/colour.png']['path']).mode == 'RGB'
    prepare(list_folder(source), out.with_name('grey'), Options(grey=True))
    assert Image.open(out.with_name('grey') / rows['a/colour.png']['path']).mode == 'L'


def test_a_video_with_one_coloured_frame_is_coloured_throughout(source, out, run, write):
    frames = write(source / 'a/v', 1)
    Image.fromarray(np.full((12, 10, 3), (255, 0, 0), np.uint8)).save(source / 'a/v/000003.png')
    for number, frame in enumerate(frames):
        if number != 3:
            Image.fromarray(np.stack([frame] * 3, -1)).save(source / f'a/v/{number:06d}.png')
    run(list_folder(source))
    kept = np.load(out / 'frames/a_v.npy')
    assert kept[3, 0, 0].tolist() == [255, 0, 0]
    np.testing.assert_array_equal(kept[4], np.stack([frames[4]] * 3, -1))


def test_size_letterboxes(good, out, run, table):
    run(list_folder(good), size=24)
    assert np.load(out / 'frames/benign_v0.npy').shape == (16, 24, 24)
    assert table('stills.csv')['benign/a (1).png']['size'] == '24x24'


def test_names_are_safe_and_differ_even_where_case_is_not_told_apart(source):
    for name in ('a (1).png', 'a_1.png', 'A-1.png', 'a-1.jpg', 'ü.png', 'x' * 120 + '.png'):
        (source / 'c').mkdir(exist_ok=True)
        Image.new('L', (4, 4)).save(source / 'c' / name)
    names = names_of(list_folder(source).items)
    assert len({name.lower() for name in names}) == 6
    assert all(name.isascii() and ' ' not in name and len(name) < 100 for name in names)


# ── again, and after a stop ──

def test_a_second_run_changes_nothing(good, run, snapshot):
    assert run(list_folder(good)).changed
    before = snapshot()
    report = run(list_folder(good))
    assert snapshot() == before
    assert (report.made, report.changed) == (0, False)
    assert 'nothing to do' in str(report)


def test_bad_files_do_not_make_a_second_run_change_anything(good, run, snapshot):
    (good / 'benign/empty.png').touch()
    run(list_folder(good), max_bad_share=0.2)
    before = snapshot()
    run(list_folder(good), max_bad_share=0.2)
    assert snapshot() == before


def test_a_killed_run_leaves_no_tables_and_is_gone_on_with(good, out, run, monkeypatch, snapshot):
    run(list_folder(good))
    whole = {name: content for name, (content, _) in snapshot().items()}
    for number in (1, 2):                            # so that the second run has work to do
        (out / f'frames/benign_v{number}.npy').unlink()
    kept, add = [], prepare_module._add

    def killed(folder, item, name, options):
        if kept:
            raise KeyboardInterrupt
        kept.append(item.source)
        add(folder, item, name, options)

    monkeypatch.setattr(prepare_module, '_add', killed)
    with pytest.raises(KeyboardInterrupt):
        run(list_folder(good))
    assert kept == ['benign/v1']
    assert not list(out.glob('*.csv'))
    with (out / 'preparation.jsonl').open('ab') as progress:
        progress.write(b'{"source": "benign/v')       # after a power cut
    monkeypatch.undo()
    report = run(list_folder(good))
    assert report.made == 1
    assert {name: content for name, (content, _) in snapshot().items()} == whole


def test_a_run_killed_while_it_writes_its_tables_leaves_none(good, out, run, monkeypatch):
    def killed(path):
        if path.name == 'left_out.csv':
            raise KeyboardInterrupt
        return atomic_write(path)

    monkeypatch.setattr(prepared_folder, 'atomic_write', killed)
    with pytest.raises(KeyboardInterrupt):
        run(list_folder(good))
    assert not list(out.glob('*.csv*'))
    monkeypatch.undo()
    assert run(list_folder(good)).made == 0
    assert {file.name for file in out.glob('*.csv')} == {'videos.csv', 'stills.csv',
                                                         'left_out.csv'}


def test_a_changed_source_is_read_again_and_a_removed_one_forgotten(good, out, run, table, write):
    run(list_folder(good))
    pixels = write(good / 'benign/a (1).png', 77)
    os.utime(good / 'benign/a (1).png', ns=(0, 0))
    for file in (good / 'benign/v2').iterdir():
        file.unlink()
    (good / 'benign/v2').rmdir()
    assert run(list_folder(good)).made == 1
    assert len(table('videos.csv')) == 3
    assert not (out / 'frames/benign_v2.npy').exists()
    np.testing.assert_array_equal(np.array(Image.open(out / 'stills/benign_a_1.png')), pixels)


def test_a_damaged_cache_is_made_again(good, out, run):
    run(list_folder(good))
    (out / 'frames/benign_v0.npy').write_bytes(b'rubbish')
    assert run(list_folder(good)).made == 1


def test_other_settings_or_another_folder_are_refused(good, out, run, tmp_path):
    run(list_folder(good))
    with pytest.raises(ValueError, match=r'other settings \(its size differ'):
        run(list_folder(good), size=24)
    (tmp_path / 'mine').mkdir()
    (tmp_path / 'mine/thesis.doc').touch()
    with pytest.raises(ValueError, match='mine exists'):
        prepare(list_folder(good), tmp_path / 'mine', Options())
    for inside in (good / 'out', tmp_path):
        with pytest.raises(ValueError, match='contain each other'):
            refuse_nesting(inside, good)


# ── bad input ──

def test_bad_files_are_left_out_counted_and_named(good, run, table, write):
    bad = good / 'benign'
    (bad / 'empty.png').touch()
    (bad / 'corrupt.png').write_bytes(b'\x89PNG\r\n\x1a\n' + b'x' * 500)
    write(bad / 'cut.png', shape=(200, 200))
    (bad / 'cut.png').write_bytes((bad / 'cut.png').read_bytes()[:9000])
    Image.new('L', (10_000, 6_000)).save(bad / 'sixty.png')
    Image.new('L', (8, 8)).save(bad / 'jpeg.png', 'JPEG')
    Image.new('L', (8, 8)).save(bad / 'png.mp4', 'PNG')
    (bad / 'text.mp4').write_text('not a video')
    write(bad / 'short', frames=15)
    write(bad / 'long/video')
    (bad / 'long/video/000004.png').write_bytes(b'')
    report = run(list_folder(good), max_bad_share=0.7)
    reasons = {row['source'].split('/', 1)[1]: row['reason']
               for row in table('left_out.csv').values()}
    for name, reason in {
            'empty.png': '0 bytes', 'corrupt.png': 'cut off or damaged',
            'cut.png': 'cut off or damaged', 'sixty.png': '60 million pixels',
            'jpeg.png': 'JPEG, not what its name says',
            'png.mp4': 'not what its name says', 'text.mp4': 'cannot be read as a video',
            'short': '15 frames, fewer than 16', 'long/video': '000004.png is empty'}.items():
        assert reason in reasons.pop(name)
    assert not reasons
    assert len(report.items) == 5
    assert '9 cannot be used:' in str(report)
    assert 'benign/sixty.png' in str(report)
    assert str(good) not in (str(report) + ''.join(reasons.values()))


def test_too_many_bad_files_stop_the_run_and_leave_no_tables(good, out, run):
    for name in ('empty', 'void'):
        (good / f'benign/{name}.png').touch()
    with pytest.raises(ValueError, match=r'10% of 7 items .*--max-bad-share: .*empty'):
        run(list_folder(good), max_bad_share=0.1)
    assert not list(out.glob('*.csv'))


def test_a_single_bad_file_stops_nothing(source, write, run, table):
    write(source / 'benign/a.png')
    (source / 'benign/empty.png').touch()
    run(list_folder(source), max_bad_share=0)
    assert set(table('stills.csv')) == {'benign/a.png'}


def test_links_are_followed_once_each_and_reported(good, out, tmp_path, run, table, write):
    still = write(tmp_path / 'elsewhere/still.png', 5)
    frames = write(tmp_path / 'elsewhere/video', 6)
    (good / 'benign/out.png').symlink_to(tmp_path / 'elsewhere/still.png')
    (good / 'benign/folder').symlink_to(tmp_path / 'elsewhere/video')
    (good / 'benign/folder_again').symlink_to(tmp_path / 'elsewhere/video')
    (good / 'benign/nothing.png').symlink_to(tmp_path / 'nothing.png')
    (good / 'benign/loop.png').symlink_to(good / 'benign/loop.png')
    (good / 'benign/inside.png').symlink_to(good / 'benign/a (1).png')
    (good / 'benign/up').symlink_to(good)
    (good / 'benign/above').symlink_to(tmp_path)
    (good / 'benign/v0/000007.png').unlink()
    (good / 'benign/v0/000007.png').symlink_to(tmp_path / 'elsewhere/still.png')
    report = run(list_folder(good), max_bad_share=0.7)
    videos, stills = table('videos.csv'), table('stills.csv')
    assert set(videos) == {*(f'benign/v{number}' for number in range(4)), 'benign/folder'}
    assert set(stills) == {'benign/a (1).png', 'benign/out.png'}
    np.testing.assert_array_equal(np.load(out / videos['benign/folder']['path']), frames)
    np.testing.assert_array_equal(np.load(out / videos['benign/v0']['path'])[7], still)
    left_out = table('left_out.csv')
    for name, reason in {
            'nothing.png': 'to nothing', 'loop.png': 'to nothing', 'inside.png': 'a (1).png',
            'up': 'is read in its place', 'above': 'contains the source',
            'folder_again': 'through another link'}.items():
        assert reason in left_out[f'benign/{name}']['reason']
    assert '18 files are outside the source, behind links' in str(report)


def test_a_pipe_is_not_waited_for(good, run, table):
    os.mkfifo(good / 'benign/pipe.png')
    run(list_folder(good), max_bad_share=0.5)
    assert 'neither a file nor a folder' in table('left_out.csv')['benign/pipe.png']['reason']


def test_an_empty_source_says_that_nothing_was_found(source, run):
    with pytest.raises(ValueError, match='nothing to prepare was found'):
        run(list_folder(source))


@pytest.mark.parametrize('name, value', [('size', 0), ('min_frames', 0), ('max_bad_share', 2)])
def test_numbers_that_make_no_sense_are_refused(name: str, value: int):
    with pytest.raises(ValueError, match=f'{name} .* but got {value}'):
        Options(**{name: value})


@pytest.mark.parametrize('change', [
    dict(name='../../secret'), dict(name='../../secret', path='frames/../../secret.npy'),
    dict(path='../secret.npy'), dict(path='/etc/passwd'), dict(path=3), dict(path='frames/v1.npy'),
    dict(files=7), dict(files=[7]), dict(source=[]), dict(stamp=None), dict(sha256={}),
    dict(mask='../secret.png', mask_sha256=''), dict(frames='16')])
def test_a_record_of_other_files_or_types_is_named_and_reaches_no_table(good, out, run, change):
    run(list_folder(good))
    path = out / 'preparation.jsonl'
    record, *others = map(json.loads, path.read_text().splitlines())
    for key, value in change.items():
        (record if key in record else record['files'][0])[key] = value
    lines = '\n'.join(map(json.dumps, [record, *others]))
    path.write_text(lines)
    with pytest.raises(ValueError, match=r'preparation\.jsonl, line 1 '):
        run(list_folder(good))
    assert path.read_text() == lines


@pytest.mark.parametrize('line', ['7', 'null', '[]', '{}', '[' * 10 ** 5])
def test_a_line_that_is_no_record_is_named(good, out, run, line):
    run(list_folder(good))
    with (out / 'preparation.jsonl').open('a') as file:
        file.write(line)
    if line.startswith('[['):
        line = line + ']' * len(line)
        (out / 'preparation.jsonl').write_text(line)
    with pytest.raises(ValueError, match=r'preparation\.jsonl, line '):
        run(list_folder(good))


def test_a_prepared_file_that_became_a_link_is_made_again_and_its_target_stays(
        good, out, run, tmp_path):
    run(list_folder(good))
    [file, *_] = sorted((out / 'frames').iterdir())
    content = file.read_bytes()
    file.rename(tmp_path / 'elsewhere.npy')
    file.symlink_to(tmp_path / 'elsewhere.npy')
    run(list_folder(good))
    assert not file.is_symlink() and file.read_bytes() == content
    assert (tmp_path / 'elsewhere.npy').read_bytes() == content


def test_nothing_is_removed_from_a_folder_behind_a_link(good, out, run, tmp_path, write):
    run(list_folder(good))
    (out / 'frames').rename(tmp_path / 'elsewhere')
    (out / 'frames').symlink_to(tmp_path / 'elsewhere')
    (tmp_path / 'elsewhere/thesis.tex').touch()
    write(good / 'benign/new.npy', 9)
    run(list_folder(good))
    assert (tmp_path / 'elsewhere/thesis.tex').exists()


def test_a_full_disk_is_called_that(source, write, run):
    resource = pytest.importorskip('resource')
    write(source / 'benign/v.npy', frames=64, shape=(64, 64))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))  # of a file
    try:
        with pytest.raises(OSError) as refused:  # noqa: PT011
            run(list_folder(source))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    assert refused.value.errno == errno.EFBIG
    assert str(refused.value.filename).endswith('benign_v.npy')
