"""The table of parsers; a new one is a row in PARSERS."""
from __future__ import annotations

import argparse
import contextlib
import hashlib
import io
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import numpy as np
import pyarrow as pa
from hypothesis import strategies as st
from mmaction.registry import MODELS
from mmengine.config import Config
from PIL import Image

import lddm_aug  # noqa: F401  registers the generators
from fuzzing import mutations
from lddm_aug.browse.flags import ClipFlags
from lddm_aug.commands import make_parser
from lddm_aug.data.annotations import read_annotations
from lddm_aug.data.audit_record import AuditRecord
from lddm_aug.data.frames import inspect, iter_frames, read_frames
from lddm_aug.data.splits import read_split
from lddm_aug.datasets.synthetic_clips import SyntheticClipDataset
from lddm_aug.engine.runner_config import merge_options
from lddm_aug.experiments.curves import read_curves
from lddm_aug.experiments.demo.scores import read_probabilities, read_scores
from lddm_aug.experiments.demo.summary import read_runs
from lddm_aug.experiments.study.plan import Run
from lddm_aug.experiments.study.tables import Results
from lddm_aug.experiments.study.training import read_result
from lddm_aug.experiments.table1.results import load_results
from lddm_aug.files import sha256_of
from lddm_aug.generators.model_card import read_figures, write_model_card
from lddm_aug.generators.package import load_package, read_card, save_package
from lddm_aug.preparation.busv import list_busv
from lddm_aug.preparation.csv_table import CsvColumns, list_csv
from lddm_aug.preparation.errata import read_errata
from lddm_aug.preparation.listing import VIDEO, Item, Recording
from lddm_aug.preparation.phantom import claim_folder
from lddm_aug.preparation.prepared_folder import PreparedFolder
from lddm_aug.resumable_steps import ResumableSteps
from lddm_aug.store.convert import convert_store
from lddm_aug.store.exchange import export_store, import_store
from lddm_aug.store.manifest import read_manifest
from lddm_aug.store.rows import SCHEMA, make_table, plain_type
from lddm_aug.store.verify import verify_store
from lddm_aug.store.writer import StoreWriter
from lddm_aug.visualization.loss_curves import read_losses

Damage = Callable[[bytes], st.SearchStrategy[bytes]]


@dataclass(frozen=True)
class Parser:
    """A file that somebody else may have written, and what reads it.

    Attributes:
        name: of the test.
        build: writes valid files into a new folder.
        file: which of them is damaged.
        damage: strategy of its damaged content, given the valid one.
        read: what must not fail but with a message; all it may touch is the folder.
        seal: makes sha256s fit the damaged file, as somebody would who wants it to be read.
        is_slow: whether a short run tries it a quarter as often.
        group: of the table, for what was tried.
    """
    name: str
    build: Callable[[Path], Any]
    file: str
    damage: Damage
    read: Callable[[Path], Any]
    seal: Callable[[Path], Any] = lambda folder: None
    is_slow: bool = False
    group: str = ''


# ── valid files ──

CLASSES = ['benign', 'malignant']
RUN = Run('tsm', 'real', '7:3', 0)
STORE_PLAN = {'package_sha256': 'a' * 64, 'generator': 'RepeatStill', 'generator_groups': ['p9'],
              'seed': 0, 'per_still': 1, 'shape': [2, 4, 5]}


def _json(file: str, content: Any) -> Callable[[Path], None]:
    def build(folder: Path) -> None:
        path = folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content))
    return build


def _lines(file: str, *rows: Any) -> Callable[[Path], None]:
    def build(folder: Path) -> None:
        path = folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(''.join(json.dumps(row) + '\n' for row in rows))
    return build


def _text(file: str, content: str) -> Callable[[Path], None]:
    def build(folder: Path) -> None:
        (folder / file).write_text(content)
    return build


def _rows_of_store() -> pa.Table:
    values = {'clip_id': ['a', 'b', 'c'], 'still': ['s.png', 's.png', 't.png'],
              'still_sha256': ['b' * 64, 'b' * 64, 'c' * 64], 'still_frame': [None, 3, None],
              'group': ['p1', 'p1', 'p2'], 'label': ['benign', 'benign', 'malignant'],
              'seed': [0, 1, 2], 'package_sha256': ['a' * 64] * 3, 'generator': ['RepeatStill'] * 3,
              'sampler': [None] * 3, 'steps': [None] * 3, 'guidance': [None] * 3,
              'frame_stride': [3] * 3, 'versions': ['{"torch": "2"}'] * 3,
              'conditions': ['{}'] * 3}
    return make_table({name: pa.array(values[name], plain_type(name)) for name in SCHEMA.names
                       if name in values})


def _write_store(folder: Path, finished: bool = True) -> None:
    writer = StoreWriter(folder, STORE_PLAN, _rows_of_store(), per_shard=2)
    with writer.lock():
        writer.resume()
        writer.add(range(3 if finished else 2), [np.full((2, 4, 5), 9 * number, np.uint8)
                                                 for number in range(3 if finished else 2)])
        if finished:
            writer.finish()


def _write_export(form: str) -> Callable[[Path], None]:
    def build(folder: Path) -> None:
        _write_store(folder / 'store')
        export_store(folder / 'store', folder / 'exported', form)
    return build


def _write_old_store(folder: Path) -> None:
    (folder / 'clips').mkdir()
    lines = []
    for number, row in enumerate(_rows_of_store().to_pylist()):
        path = folder / f'clips/{row["clip_id"]}.npy'
        np.save(path, np.full((2, 4, 5), number, np.uint8))
        lines.append(json.dumps(dict(row, path=f'clips/{path.name}', sha256=sha256_of(path),
                                     shape=[2, 4, 5], versions={})))
    (folder / 'manifest.jsonl').write_text('\n'.join(lines) + '\n')
    (folder / 'plan.json').write_text(json.dumps(dict(
        format_version=1, clips=3, generator_groups=[], seed=0)))


def _write_package(folder: Path) -> None:
    autoencoder = {'type': 'VideoAutoencoder', 'latent_channels': 4, 'encoder': {'width': 8},
                   'decoder': {'widths': [8, 8, 8]}}
    denoiser = {'still_widths': [8, 8, 8], 'width': 16, 'depth': 1, 'heads': 2}
    diffusion = {'type': 'LatentDiffusion', 'autoencoder': autoencoder, 'denoiser': denoiser,
                 'conditions': {'label': list(CLASSES), 'ef': 'number'}}
    save_package(folder, MODELS.build({'type': 'LDDMGenerator', 'diffusion': diffusion, 'size': 16,
                                       'num_frames': 8, 'steps': 3}), ['p9'],
                 stages={'autoencoder': {'figures': {'psnr_db': 30., 'still_psnr_db': 25.}}})


def _write_figures(folder: Path) -> None:
    _write_package(folder)
    row = dict.fromkeys(('figure', 'value', 'interval', 'remark'), 'x')
    _json('evaluation.json', {'package_sha256': read_card(folder)['sha256'], 'clips': 8,
                              'groups': 2, 'rows': [row]})(folder)


ITEM = Item('a.avi', 'benign', 'p1', VIDEO, 'stamp', lambda: Recording(iter(())))


def _write_prepared(folder: Path) -> None:
    prepared = PreparedFolder(folder / 'out', {'size': None})
    prepared.add(ITEM, 'a', iter(np.zeros((3, 4, 5), np.uint8)), 25.)


def _write_labelled(table: str, content: str) -> Callable[[Path], None]:
    """A table, and the files that it names."""
    def build(folder: Path) -> None:
        (folder / 'videos').mkdir()
        for name in 'ab':
            np.save(folder / f'videos/{name}.npy', np.zeros((2, 4, 5), np.uint8))
        (folder / table).parent.mkdir(exist_ok=True)
        (folder / table).write_text(content)
    return build


def _write_busv(folder: Path) -> None:
    for label in CLASSES:
        frames = folder / 'rawframes' / label / 'x'
        frames.mkdir(parents=True)
        Image.new('L', (4, 4)).save(frames / '000000.png')
    _json('imagenet_vid_val.json', {
        'images': [{'file_name': f'{label}/x/000000.png', 'id': 1} for label in CLASSES],
        'annotations': [{'bbox': [0, 1, 2.5, 3], 'image_id': 1}]})(folder)


def _write_dicom(folder: Path, **tags: Any) -> None:
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, UltrasoundMultiFrameImageStorage, generate_uid

    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = tags.pop('syntax', ExplicitVRLittleEndian)
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = (
        UltrasoundMultiFrameImageStorage)
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    dataset.PatientID, dataset.Modality, dataset.NumberOfFrames = 'P7', 'US', 3
    dataset.Rows, dataset.Columns, dataset.SamplesPerPixel = 8, 6, 1
    dataset.PhotometricInterpretation, dataset.PixelRepresentation = 'MONOCHROME2', 0
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit, dataset.FrameTime, dataset.WindowCenter = 7, 40, 128
    dataset.WindowWidth, dataset.RescaleSlope, dataset.RescaleIntercept = 256, 1, 0
    region = Dataset()
    region.RegionSpatialFormat = 1
    region.RegionLocationMinX0 = region.RegionLocationMinY0 = 0
    region.RegionLocationMaxX1, region.RegionLocationMaxY1 = 5, 7
    dataset.SequenceOfUltrasoundRegions = [region]
    dataset.PixelData = bytes(range(144))
    for key, value in tags.items():
        setattr(dataset, key, value)
    dataset['PixelData'].VR = 'OB'
    (folder / 'benign').mkdir()
    dataset.save_as(folder / 'benign/a.dcm', enforce_file_format=True)


def _write_labelled_dicom(folder: Path) -> None:
    _write_dicom(folder)
    (folder / 'labels.csv').write_text('path,label\nbenign/a.dcm,benign\n')


def _write_video(file: str, codec: str, pixels: str) -> Callable[[Path], None]:
    def build(folder: Path) -> None:
        with av.open(str(folder / file), 'w') as container:
            stream: Any = container.add_stream(codec, rate=25)
            stream.height, stream.width, stream.pix_fmt = 32, 48, pixels
            for number in range(12):
                frame = np.full((32, 48, 3), 20 * number, np.uint8)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format='rgb24')))
            container.mux(stream.encode())
    return build


def _write_picture(file: str, frames: int = 3, **options: Any) -> Callable[[Path], None]:
    def build(folder: Path) -> None:
        pictures = [Image.fromarray(np.full((9, 7), 40 * number, np.uint8))
                    for number in range(frames)]
        pictures[0].save(folder / file, save_all=frames > 1, append_images=pictures[1:], **options)
    return build


def _write_npy(folder: Path) -> None:
    np.save(folder / 'a.npy', np.zeros((3, 4, 5), np.uint8))


# ── sha256s that fit ──

def _seal_card(folder: Path) -> None:
    card = folder / 'package.json'
    with contextlib.suppress(ValueError, RecursionError, MemoryError):
        content = json.loads(card.read_bytes())
        if isinstance(content, dict):
            content.pop('sha256', None)
            text = json.dumps(content, sort_keys=True).encode()
            card.write_text(json.dumps(content | {'sha256': hashlib.sha256(text).hexdigest()}))


def _seal_weights(folder: Path) -> None:
    card = json.loads((folder / 'package.json').read_bytes())
    card['weights_sha256'] = sha256_of(folder / 'weights.safetensors')
    (folder / 'package.json').write_text(json.dumps(card))
    _seal_card(folder)


def _seal_manifest(folder: Path) -> None:
    plan = json.loads((folder / 'plan.json').read_bytes())
    plan['rows_sha256'] = sha256_of(folder / 'manifest.arrow')
    (folder / 'plan.json').write_text(json.dumps(plan))


# ── readers ──

def _read_store(folder: Path) -> None:
    manifest = read_manifest(folder)
    verify_store(folder)
    for number, row in enumerate(manifest.rows):
        manifest.read_clip(number)
        row['clip_id'].lower()
    for _ in SyntheticClipDataset(str(folder)):
        pass


def _convert(folder: Path) -> None:
    convert_store(folder, folder / 'new')


def _import(folder: Path) -> None:
    import_store(folder / 'exported', folder / 'new')


def _read_partial(folder: Path) -> None:
    StoreWriter(folder, STORE_PLAN, _rows_of_store(), per_shard=2)


def _read_figures(folder: Path) -> None:
    if read_figures(folder, read_card(folder)):
        write_model_card(folder, read_card(folder))


def _read_prepared(folder: Path) -> None:
    prepared = PreparedFolder(folder / 'out', {'size': None})
    if prepared.holds(ITEM, 'a'):
        prepared.finish([ITEM], [])


def _read_steps(folder: Path) -> None:
    steps = ResumableSteps(folder)
    steps.find('fit', {'seed': 0}, folder / 'fit')
    with contextlib.redirect_stdout(io.StringIO()):
        steps.run('fit', {'seed': 0}, folder / 'fit', dict)
    steps.forget()


def _read_frames(file: str) -> Callable[[Path], None]:
    def read(folder: Path) -> None:
        path = folder / file
        inspect(path)
        for _ in iter_frames(path):
            pass
        read_frames(path)
    return read


def _read_dicom(folder: Path) -> None:
    from lddm_aug.preparation.dicom import list_dicom

    table = folder / 'labels.csv'
    for item in list_dicom(folder, bytes(32), label_table=table if table.is_file() else None).items:
        for _ in item.open().frames:
            pass


def _read_audit(folder: Path) -> None:
    record = AuditRecord.read(folder / 'audit/audit.json')
    record.same_rows(read_annotations(folder / 'table.csv'))
    record.covers(folder / 'table.csv', None)


def _read_csv(folder: Path) -> None:
    columns = CsvColumns(group='group', split='split', fps='fps')
    for item in list_csv(folder / 'table.csv', columns, fps=25).items:
        item.open()


def _read_keep(folder: Path) -> None:
    for _ in SyntheticClipDataset(str(folder / 'store'), keep=str(folder / 'keep.json')):
        pass


def _read_flags(folder: Path) -> None:
    flags = ClipFlags(folder / 'store', ['a', 'b', 'c'])
    flags.kept(flags.read())
    flags.set('a', 'bad')


def _write_flags(folder: Path) -> None:
    _write_store(folder / 'store')
    ClipFlags(folder / 'store', ['a', 'b', 'c']).set('b', 'bad')


def _words(folder: Path) -> list[str]:
    text = (folder / 'words').read_bytes().decode(errors='surrogatepass')
    return text.split('\n')


@cache
def _parser() -> argparse.ArgumentParser:
    return make_parser(lambda: None)


def _read_words(folder: Path) -> argparse.Namespace:
    try:
        with contextlib.redirect_stderr(io.StringIO()) as said, contextlib.redirect_stdout(said):
            return _parser().parse_args(_words(folder))
    except SystemExit as end:
        if end.code not in (0, 2):
            raise
        raise ValueError(said.getvalue().strip().split('\n')[-1] or 'said nothing') from end


def _read_options(folder: Path) -> None:
    args = argparse.ArgumentParser(exit_on_error=False)
    from lddm_aug.commands.arguments import add_cfg_options

    add_cfg_options(args, '')
    config = Config({'model': {'backbone': {'depth': 50}}, 'load_from': None,
                     'param_scheduler': [{'type': 'LinearLR'}]}, filename=folder / 'config.py')
    try:
        with contextlib.redirect_stderr(io.StringIO()) as said:
            found = args.parse_args(['--cfg-options', *_words(folder)])
    except SystemExit as end:
        raise ValueError(said.getvalue().strip().split('\n')[-1] or 'said nothing') from end
    except argparse.ArgumentError as error:
        raise ValueError(str(error)) from error
    merge_options(config, found.cfg_options)


TRAIN = """train
tsm_phantom_lddm_mix
--data
phantom
--size
64
--seed
3
--cfg-options
model.backbone.depth=50
model.x=[1,2]"""
PREPARE = """prepare
csv
table.csv
--out
x
--labels
a=b,c=d
--min-frames
3
--max-bad-share
0.5"""
OPTIONS = """model.backbone.depth=18
param_scheduler.0.type=CosineAnnealingLR
model.x=[(1,2),a]
load_from=None"""
TABLE = """path,label,group,split,fps,frame,sha256
videos/a.npy,benign,p1,train,25,0,
videos/b.npy,malignant,p2,test,12.5,1,"""
SCORES = [{'filename': f'/x/{name}.npy', 'label': label, 'predicted': 'benign', 'group': name,
           'scores': {'benign': 0.25, 'malignant': 0.75}} for name, label in zip('ab', CLASSES,
                                                                                 strict=True)]
STUDY_ROW = dict(RUN.key, iterations=100, n_train=26, n_test=2, accuracy=0.5, f1_macro=0.4,
                 f1_weighted=0.4, auc=0.6, form='small', seconds=3.5, settings='a')
STUDY_SCORES = dict(RUN.key, classes=CLASSES, videos={'a.npy': ['p1', 'benign', [0.5, 0.5]],
                                                      'b.npy': ['p2', 'malignant', [0.1, 0.9]]})
DEMO_ROW = {'phantom_seed': 0, 'recognizer_seed': 0, 'training_set': 'real', 'accuracy': 0.5,
            'auc': None}
TABLE1_ROW = {'generator': 'lddm', 'seed': 0, 'identity': 'a', 'fvd': 1.5}


def _write_study(folder: Path) -> None:
    _lines('study.jsonl', STUDY_ROW)(folder)
    _lines('study_scores.jsonl', STUDY_SCORES)(folder)


def _figures(names: str) -> dict[str, float]:
    return {f'video/{name}': 0.5 for name in names.split()}


GROUPS = {'packages': [
    Parser('package.json', _write_package, 'package.json', mutations.damaged_json, load_package,
           is_slow=True),
    Parser('package.json, sealed', _write_package, 'package.json', mutations.damaged_json,
           load_package, _seal_card, is_slow=True),
    Parser('weights.safetensors', _write_package, 'weights.safetensors', mutations.damaged_bytes,
           load_package, _seal_weights, is_slow=True),
    Parser('groups.json', _write_package, 'groups.json', mutations.damaged_json, load_package,
           is_slow=True),
    Parser('evaluation.json', _write_figures, 'evaluation.json', mutations.damaged_json,
           _read_figures, is_slow=True),
    Parser('model card', _write_figures, 'README.md', mutations.damaged_bytes,
           _read_figures, is_slow=True),
], 'stores': [
    Parser('plan.json', _write_store, 'plan.json', mutations.damaged_json, _read_store),
    Parser('manifest.arrow', _write_store, 'manifest.arrow', mutations.damaged_bytes, _read_store,
           _seal_manifest),
    Parser('shard', _write_store, 'clips/shard-00000.npy', mutations.damaged_bytes, _read_store),
    Parser('plan.json of an unfinished store', lambda folder: _write_store(folder, False),
           'plan.json', mutations.damaged_json, _read_partial),
    Parser('manifest.partial.jsonl', lambda folder: _write_store(folder, False),
           'manifest.partial.jsonl', mutations.damaged_lines, _read_partial),
    Parser('plan.json of format 1', _write_old_store, 'plan.json', mutations.damaged_json,
           _convert),
    Parser('manifest.jsonl of format 1', _write_old_store, 'manifest.jsonl',
           mutations.damaged_lines, _convert),
    Parser('exported plan.json', _write_export('webdataset'), 'exported/plan.json',
           mutations.damaged_json, _import),
    Parser('exported rows.jsonl', _write_export('webdataset'), 'exported/rows.jsonl',
           mutations.damaged_lines, _import),
    Parser('exported tar', _write_export('webdataset'), 'exported/00000.tar',
           mutations.damaged_bytes, _import),
    Parser('keep file', lambda folder: (_write_store(folder / 'store'),
                                        _json('keep.json', ['a', 'c'])(folder)),
           'keep.json', mutations.damaged_json, _read_keep),
    Parser('flags', _write_flags, 'store.keep.flags.json', mutations.damaged_json, _read_flags),
    Parser('keep file of flags', _write_flags, 'store.keep.json', mutations.damaged_json,
           _read_flags),
], 'tables and records of data sets': [
    Parser('annotations', _write_labelled('table.csv', TABLE), 'table.csv', mutations.damaged_table,
           lambda folder: read_annotations(folder / 'table.csv')),
    Parser('split', _write_labelled('split.csv', 'path,split\nvideos/a.npy,train\n'
                                                 'videos/b.npy,test\n'),
           'split.csv', mutations.damaged_table,
           lambda folder: read_split(folder / 'split.csv', folder)),
    Parser('table to prepare', _write_labelled('table.csv', TABLE), 'table.csv',
           mutations.damaged_table, _read_csv),
    Parser('table of labels', _write_labelled_dicom, 'labels.csv', mutations.damaged_table,
           _read_dicom),
    Parser('errata', _text('errata.csv', 'action,item,value,why,source\n'
                                         'relabel,a,benign,"wrong, by eye",me\n'
                                         'exclude,b,,cut,me\n'),
           'errata.csv', mutations.damaged_table,
           lambda folder: [str(each) for each in read_errata(folder / 'errata.csv')]),
    Parser('audit.json', lambda folder: (
        _write_labelled('table.csv', TABLE)(folder), _json('audit/audit.json', {
            'format_version': 1, 'leaks': [{'what': 'x'}],
            'same': [{'items': [{'path': '../videos/a.npy', 'frame': None},
                                {'path': '../videos/b.npy', 'frame': 3}]}],
            'tables': [{'sha256': 'a', 'split_sha256': None}]})(folder)),
        'audit/audit.json', mutations.damaged_json, _read_audit),
    Parser('preparation.json', _write_prepared, 'out/preparation.json', mutations.damaged_json,
           _read_prepared),
    Parser('preparation.jsonl', _write_prepared, 'out/preparation.jsonl', mutations.damaged_lines,
           _read_prepared),
    Parser('COCO-VID', _write_busv, 'imagenet_vid_val.json', mutations.damaged_json,
           lambda folder: list_busv(folder, [])),
    Parser('phantom.json', _json('phantom.json', {'seed': 0, 'size': 64}), 'phantom.json',
           mutations.damaged_json, lambda folder: claim_folder(folder, {'seed': 0, 'size': 64})),
], 'records of experiments': [
    Parser('step', lambda folder: (folder / 'fit').mkdir() or ResumableSteps(folder)._write(
        folder / 'steps/fit.json', {'inputs': 'a', 'output': 'fit', 'seconds': 1.5,
                                    'peak_rss_mb': 2., 'result': {}}),
           'steps/fit.json', mutations.damaged_json, _read_steps),
    Parser('study', _write_study, 'study.jsonl', mutations.damaged_lines,
           lambda folder: Results.read(folder / 'study.jsonl', 2)),
    Parser('scores of a study', _write_study, 'study_scores.jsonl', mutations.damaged_lines,
           lambda folder: Results.read(folder / 'study.jsonl', 2)),
    Parser('result of a training', _json('result.json', {'row': STUDY_ROW, 'scores': STUDY_SCORES}),
           'result.json', mutations.damaged_json, lambda folder: read_result(
               None, SimpleNamespace(folder=lambda study: folder), 'a')),   # type: ignore[arg-type]
    Parser('predictions', _lines('predictions.jsonl', *SCORES), 'predictions.jsonl',
           mutations.damaged_lines, lambda folder: (read_probabilities(
               folder / 'predictions.jsonl', CLASSES), read_scores(
               _figures('accuracy f1_macro f1_weighted auc sensitivity specificity'),
               folder / 'predictions.jsonl', CLASSES))),
    Parser('results.json of a demo', _json('results.json', {'rows': [DEMO_ROW], 'note': ''}),
           'results.json', mutations.damaged_json, lambda folder: read_runs([folder])),
    Parser('table1.json', _json('table1.json', {'rows': [TABLE1_ROW], 'sampler_steps': [TABLE1_ROW],
                                                'protocol': {}}),
           'table1.json', mutations.damaged_json, lambda folder: load_results(
               folder / 'table1.json')),
    Parser('curves', _json('curves.json', [{'training': 'x', 'iter': 5, 'psnr_db': 1.5}]),
           'curves.json', mutations.damaged_json,
           lambda folder: read_curves([('x', folder / 'curves.json')])),
    Parser('scalars.json', _lines('0/vis_data/scalars.json', {'loss': 1.5, 'loss_x': 2, 'iter': 1},
                                  {'loss': 1.25, 'loss_x': 1, 'iter': 2}),
           '0/vis_data/scalars.json', mutations.damaged_lines, read_losses),
], 'words of a command line': [
    *(Parser(f'command line of {name}', _text('words', words), 'words', mutations.damaged_words,
             _read_words) for name, words in (('train', TRAIN), ('prepare', PREPARE))),
    Parser('--cfg-options', lambda folder: (_text('words', OPTIONS)(folder),
                                            _text('config.py', '')(folder)),
           'words', mutations.damaged_words, _read_options),
], 'pictures, videos and DICOM': [
    *(Parser(file, _write_picture(file, frames), file, mutations.damaged_bytes, _read_frames(file))
      for file, frames in (('a.png', 1), ('a.jpg', 1), ('a.bmp', 1), ('a.pgm', 1), ('a.gif', 3),
                           ('a.tif', 3), ('a.webp', 3), ('a.apng', 3))),
    *(Parser(file, _write_video(file, codec, pixels), file, mutations.damaged_bytes,
             _read_frames(file))
      for file, codec, pixels in (('a.mp4', 'libx264', 'yuv420p'), ('a.mov', 'png', 'rgb24'),
                                  ('a.avi', 'mjpeg', 'yuvj420p'), ('a.mkv', 'ffv1', 'yuv420p'),
                                  ('a.webm', 'libvpx', 'yuv420p'), ('a.ts', 'mpeg2video',
                                                                    'yuv420p'))),
    Parser('a.npy', _write_npy, 'a.npy', mutations.damaged_bytes, _read_frames('a.npy')),
    Parser('DICOM', _write_dicom, 'benign/a.dcm', mutations.damaged_bytes, _read_dicom),
]}
PARSERS = [replace(parser, group=group) for group, parsers in GROUPS.items() for parser in parsers]
