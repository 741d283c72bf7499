"""Check, repair, divide and join stores of clips, convert old ones, or exchange their clips.

    lddm-aug store ls work_dirs/synthetic/phantom_lddm --label benign
    lddm-aug store verify work_dirs/synthetic/phantom_lddm
    lddm-aug store convert OLD --out NEW
"""
from __future__ import annotations

import argparse
from pathlib import Path

from lddm_aug.commands.arguments import A_PACKAGE, add_device, add_step, at_least, place

FORMS = ('mp4', 'webdataset')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the steps ls, verify, repair, merge, split, convert, export and import."""
    steps = parser.add_subparsers(dest='step', required=True, metavar='STEP')
    ls = add_step(steps, 'ls', """List the clips of a store.

    lddm-aug store ls STORE --label benign --group patient7

One line a clip: its id, label, group, seed and still, separated by tabs.""")
    ls.add_argument('store', type=place, metavar='STORE')
    ls.add_argument('--label', metavar='NAME', help='only clips of this class')
    ls.add_argument('--group', metavar='NAME', help='only clips of this patient')
    ls.add_argument('--count', action='store_true', help='print the number of clips alone')

    verify = add_step(steps, 'verify', """Read every clip of a store, and compare it with its hash.

    lddm-aug store verify STORE --processes 4

It names missing, changed and extra clips and files, and ends with status 2 where there are any.  A
folder of shards stands for the shards in it.""")
    verify.add_argument('store', type=place, metavar='STORE')
    _add_processes(verify)

    repair = add_step(steps, 'repair', """Make the damaged files and clips of a store again.

    lddm-aug store repair STORE --package work_dirs/lddm/phantom/package

Clips are made from their rows, and written only if they have the hash of the row.  plan.json, rows
and picture are written again from their copies.""")
    repair.add_argument('store', type=place, metavar='STORE')
    repair.add_argument('--package', metavar='PACKAGE',
                        help=f'that made the clips, if any are damaged: {A_PACKAGE}')
    add_device(repair)
    repair.add_argument('--workers', type=at_least(0), default=0, metavar='N',
                        help='processes that make clips on the CPU; default: %(default)s')
    _add_processes(repair)

    merge = add_step(steps, 'merge', """Join stores into one.

    lddm-aug store merge STORE                         the shards in STORE become STORE itself
    lddm-aug store merge part0 part1 part2 --out whole

They are of one package, seed and number of clips of a still.  The result has the bytes that one
run of lddm-aug synthesize would have made.  A clip that several stores have is taken once.""")
    merge.add_argument('stores', type=place, nargs='+', metavar='STORE',
                       help='a store, or a folder of shards, of which none may be missing')
    merge.add_argument('--out', type=place, metavar='DIR',
                       help='a new folder, or one that an interrupted call has left; default: '
                            'the folder of the shards')

    split = add_step(steps, 'split', """Divide a store into several, which merge joins again.

    lddm-aug store split STORE --parts 4 --out parts
    lddm-aug store split STORE --by label --out parts""")
    split.add_argument('store', type=place, metavar='STORE')
    how = split.add_mutually_exclusive_group(required=True)
    how.add_argument('--parts', type=at_least(1), metavar='N', help='how many')
    how.add_argument('--by', choices=('label', 'group'), help='one for each')
    _add_out(split, 'folder of the parts')

    convert = add_step(steps, 'convert', """Convert a store that an earlier version has made.

    lddm-aug store convert OLD --out NEW

Clips and ids stay the same; the old store stays as it is.""")
    convert.add_argument('store', type=Path, metavar='OLD')
    _add_out(convert, 'a new folder, or one that an interrupted call has left')

    export = add_step(steps, 'export', """Write the clips of a store as mp4, or for WebDataset.

    lddm-aug store export STORE --to webdataset --out tars

WebDataset loses no pixel.  mp4 does: it is for looking and for other programs, and has a table
clips.csv beside it.""")
    export.add_argument('store', type=place, metavar='STORE')
    export.add_argument('--to', required=True, choices=FORMS, help='form of the files')
    export.add_argument('--fps', type=float, default=25, metavar='N',
                        help='frames per second of mp4 files; default: %(default)s')
    _add_out(export, 'a new folder')

    back = add_step(steps, 'import', """Make a store of what export has written.

    lddm-aug store import tars --out STORE""")
    back.add_argument('folder', type=Path, metavar='DIR')
    _add_out(back, 'a new folder, or one that an interrupted call has left')


def run(args: argparse.Namespace) -> None:
    """Run a step."""
    from lddm_aug.remote import here, is_url, written
    from lddm_aug.store.convert import convert_store
    from lddm_aug.store.exchange import export_store, import_store
    from lddm_aug.store.merge import merge_stores, split_store

    if args.step == 'merge':
        if args.out is None and len(args.stores) > 1:
            raise ValueError('--out: several stores need one; name a new folder')
        args.out = args.out or args.stores[0]
        args.stores = [here(store) for store in args.stores]
    elif args.step == 'repair' and is_url(args.store):
        raise ValueError(f'{args.store}: only a store on this machine is repaired; copy it by '
                         'lddm-aug store merge URL --out DIR')
    elif args.step not in ('import', 'convert'):
        args.store = here(args.store)
    if args.step == 'ls':
        _list(args)
    elif args.step == 'verify':
        for store in _stores(args.store):
            _verify(store, args.processes)
    elif args.step == 'repair':
        _repair(args)
    else:
        with written(args.out) as out:
            if args.step == 'split':
                print(*split_store(args.store, out, args.parts, args.by), sep='\n')
                return
            if args.step == 'merge':
                count = merge_stores(args.stores, out)
            elif args.step == 'convert':
                count = convert_store(args.store, out)
            elif args.step == 'export':
                count = export_store(args.store, out, args.to, args.fps)
            else:
                count = import_store(here(args.folder), out)
        print(f'{args.out} holds {count} clips')


def _list(args: argparse.Namespace) -> None:
    import numpy as np

    from lddm_aug.store.manifest import read_manifest

    rows = read_manifest(args.store).rows
    for name in ('label', 'group'):
        if getattr(args, name) is not None:
            rows = rows.take(np.asarray(rows.where(name, getattr(args, name))))
    if args.count:
        print(len(rows))
        return
    for row in rows:
        frame = '' if row['still_frame'] is None else f' frame {row["still_frame"]}'
        print(row['clip_id'], row['label'], row['group'], row['seed'], f'{row["still"]}{frame}',
              sep='\t')


def _stores(folder: Path) -> list[Path]:
    """The store in a folder, or those of the shards in it."""
    from lddm_aug.store.divided import found_shards
    from lddm_aug.store.manifest import MANIFEST, PLAN

    shards = [path for division in found_shards(folder).values() for path in division.values()]
    is_store = any((folder / name).is_file() for name in (MANIFEST, PLAN))
    return [folder] if is_store or not shards else shards


def _verify(store: Path, processes: int) -> None:
    from lddm_aug.store.verify import verify_store

    manifest, report = verify_store(store, processes)
    for number in report.damaged:
        row = manifest.rows[number]
        print(f'damaged: {row["clip_id"]} in {manifest.clips.file(row["place"])}')
    for path in report.files:
        print(f'damaged: {path}')
    for path in report.extra:
        print(f'extra: {path}')
    for clip_id in report.doubled:
        print(f'twice: {clip_id}')
    if not report.is_right:
        raise ValueError(f'{store}: {len(report.damaged)} of {report.clips} clips and '
                         f'{len(report.files)} files are damaged, {len(report.extra)} files are '
                         f'extra, {len(report.doubled)} clips stand there twice; make damaged ones '
                         'again with lddm-aug store repair')
    print(f'{store}: all {report.clips} clips are as they were made')


def _repair(args: argparse.Namespace) -> None:
    from lddm_aug.generators.package import load_package
    from lddm_aug.synthesis.repair import repair_store

    generator = None if args.package is None else load_package(args.package, args.device)
    for store in _stores(args.store):
        files, clips = repair_store(store, generator, workers=args.workers,
                                    processes=args.processes)
        for each in (*files, *clips):
            print(f'made again: {each}')
        print(f'{store}: {len(clips)} clips and {len(files)} files were damaged, none is now')


def _add_processes(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('--processes', type=at_least(1), default=1, metavar='N',
                        help='that read clips at the same time; default: %(default)s')


def _add_out(parser: argparse.ArgumentParser, what: str) -> None:
    parser.add_argument('--out', type=place, required=True, metavar='DIR', help=what)
