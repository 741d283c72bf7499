"""Bring a data set as it was published into the one form that training reads.

    lddm-aug prepare phantom                               simulated sweeps, with no download
    lddm-aug prepare busv DIR --out data/busv
    lddm-aug prepare busi DIR --out data/busi --size 224
    lddm-aug prepare folder DIR --out data/mine
    lddm-aug prepare csv TABLE.csv --out data/mine --label-column diagnosis
    lddm-aug prepare dicom DIR --out data/clinic

Each takes --help.  The data set's own folder is only read; links in it are followed.
Every file in it is used, or stands in left_out.csv with the reason.
Called again in the same way, it does only what is left or what changed in the source.
"""
from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lddm_aug.commands import phantom
from lddm_aug.commands.arguments import add_step

if TYPE_CHECKING:
    from lddm_aug.preparation.listing import Listing

GROUP_TAGS = ('PatientID', 'PatientName', 'StudyInstanceUID', 'AccessionNumber',
              'SeriesInstanceUID')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add a step for each source of data."""
    sources = parser.add_subparsers(required=True, metavar='SOURCE',
                                    title='what to prepare, each with --help')
    simulated = add_step(sources, 'phantom', phantom.__doc__ or '')
    phantom.add_arguments(simulated)
    simulated.set_defaults(run=phantom.run)

    busv = add_step(sources, 'busv', """Breast videos of Lin et al. 2022 (BUSV).

    lddm-aug prepare busv DIR --out data/busv --size 256
""", parents=[_common(), _fps()])
    busv.add_argument('--errata', metavar='FILE',
                      help="list of known faults to correct, or 'none'; default: the one that "
                           'lddm-aug contains')
    busv.set_defaults(list=_list_busv)

    busi = add_step(sources, 'busi', """Breast stills of Al-Dhabyani et al. 2020 (BUSI).

    lddm-aug prepare busi DIR --out data/busi --no-normals --crop-to-lesion 0.2
""", parents=[_common()])
    busi.add_argument('--no-normals', action='store_true', help='leave out stills with no lesion')
    busi.add_argument('--crop-to-lesion', type=float, metavar='MARGIN',
                      help='to a square around the masks, wider by this share of it on every side')
    busi.set_defaults(list=_list_busi)

    folder = add_step(sources, 'folder', """Videos, stills and folders of frames by class.

    lddm-aug prepare folder DIR --out data/mine --group-pattern 'patient_(\\d+)'
""", parents=[_common(), _fps()])
    folder.add_argument('--label', metavar='CLASS',
                        help='of everything, where SOURCE holds no class folders')
    _add_group_pattern(folder)
    folder.set_defaults(list=_list_folder)

    dicom = add_step(sources, 'dicom', """DICOM files in class folders.

    lddm-aug prepare dicom DIR --out data/clinic
    lddm-aug prepare dicom DIR --out data/clinic --find NAME      which file has this name?
""", parents=[_common()])
    labels = dicom.add_mutually_exclusive_group()
    labels.add_argument('--label', metavar='CLASS',
                        help='of everything, where SOURCE holds no class folders')
    labels.add_argument('--label-table', type=Path, metavar='CSV',
                        help='columns path, relative to SOURCE, and label')
    dicom.add_argument('--group-tag', choices=GROUP_TAGS, default='PatientID', metavar='TAG',
                       help=f'its value makes the group: {", ".join(GROUP_TAGS)}; '
                            'default: %(default)s')
    dicom.add_argument('--series', action='store_true',
                       help='make one video of the single frames of a series, where there are '
                            '--min-frames of them')
    dicom.add_argument('--key', type=Path, metavar='FILE',
                       help='random key behind the names of files and groups; keep it to yourself; '
                            'default: OUT.key beside the folder OUT')
    dicom.add_argument('--find', metavar='NAME',
                       help='print which file has this name in the tables, and nothing else')
    dicom.set_defaults(list=_list_dicom)

    _add_csv(sources)


def _add_csv(sources: Any) -> None:
    csv = add_step(sources, 'csv', """Files that any table lists.

    lddm-aug prepare csv TABLE.csv --out data/mine --label-column diagnosis \\
        --group-column patient --labels yes=malignant,no=benign
""", parents=[_common(), _fps()])
    csv.add_argument('--root', type=Path, metavar='DIR',
                     help="folder that paths are relative to; default: the table's own")
    csv.add_argument('--path-column', default='path', metavar='NAME', help='default: %(default)s')
    csv.add_argument('--path-pattern', default='{}', metavar='TEXT',
                     help="what to make of its values: 'videos/{}.mp4'; default: '%(default)s'")
    csv.add_argument('--label-column', default='label', metavar='NAME', help='default: %(default)s')
    csv.add_argument('--labels', type=_mapping, default={}, metavar='A=B,...',
                     help='value=class; rows with other values are left out')
    csv.add_argument('--group-column', metavar='NAME', help='usually the patient')
    _add_group_pattern(csv)
    csv.add_argument('--split-column', metavar='NAME')
    csv.add_argument('--splits', type=_mapping, default={}, metavar='A=B,...',
                     help='value=split, as in video=train,test=test; others are left out')
    csv.add_argument('--first-frames-of', metavar='SPLIT',
                     help='of this split, make each first frame a still and keep the videos apart '
                          'in oracle.csv')
    csv.add_argument('--fps-column', metavar='NAME')
    csv.add_argument('--keep-columns', nargs='+', default=(), metavar='NAME',
                     help='columns that the new tables have, too, such as what a generator is told '
                          'by train-generator --conditions')
    csv.set_defaults(list=_list_csv)


def _common() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument('source', metavar='SOURCE', type=Path)
    common.add_argument('--out', required=True, type=Path, metavar='DIR',
                        help='a new folder, or one that this command began')
    common.add_argument('--size', type=int, metavar='PIXELS',
                        help='fit everything into a square of this size, black where its shape '
                             'leaves it free; default: as it is')
    common.add_argument('--grey', action='store_true',
                        help='make colour grey; else only what has no colour is kept grey')
    common.add_argument('--min-frames', type=int, default=16, metavar='N',
                        help='a shorter video cannot be used; default: %(default)s')
    common.add_argument('--max-bad-share', type=float, default=0.5, metavar='SHARE',
                        help='stop if more than this share of the items, and more than one, cannot '
                             'be used; default: %(default)s')
    return common


def _fps() -> argparse.ArgumentParser:
    parent = argparse.ArgumentParser(add_help=False)
    parent.add_argument('--fps', type=float, metavar='N',
                        help='frames per second of what does not say itself: frame folders, arrays')
    return parent


def _add_group_pattern(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('--group-pattern', metavar='REGEX',
                        help='the group is what the first brackets match in the path: '
                             r"'patient_(\d+)'; default: every file is its own group")


def _mapping(text: str) -> dict[str, str]:
    pairs = [pair.split('=') for pair in text.split(',')]
    if any(len(pair) != 2 or not all(pair) for pair in pairs):
        raise argparse.ArgumentTypeError(f'{text!r} is not of the form A=B,C=D')
    return {name.strip(): value.strip() for name, value in pairs}


def _list_busv(args: argparse.Namespace) -> Listing:
    from lddm_aug.preparation.busv import ERRATA, list_busv
    from lddm_aug.preparation.errata import read_errata

    errata = [] if args.errata == 'none' else read_errata(args.errata or ERRATA)
    return list_busv(args.source, errata, args.fps)


def _list_busi(args: argparse.Namespace) -> Listing:
    from lddm_aug.preparation.busi import list_busi

    return list_busi(args.source, not args.no_normals, args.crop_to_lesion)


def _list_folder(args: argparse.Namespace) -> Listing:
    from lddm_aug.preparation.folder import list_folder

    return list_folder(args.source, args.label, args.group_pattern, args.fps)


def _list_dicom(args: argparse.Namespace) -> Listing:
    from lddm_aug.preparation.dicom import list_dicom

    return list_dicom(args.source, _key(args), args.label, args.label_table, args.group_tag,
                      args.series, args.min_frames)


def _key(args: argparse.Namespace) -> bytes:
    from lddm_aug.preparation.dicom import read_key
    from lddm_aug.preparation.prepared_folder import SETTINGS

    path = args.key or Path(f'{args.out.resolve()}.key')
    return read_key(path, make=not (args.out / SETTINGS).exists() and not args.find)


def _list_csv(args: argparse.Namespace) -> Listing:
    from lddm_aug.preparation.csv_table import CsvColumns, list_csv

    return list_csv(args.source, CsvColumns(
        path=args.path_column, path_pattern=args.path_pattern, label=args.label_column,
        labels=args.labels, group=args.group_column, group_pattern=args.group_pattern,
        split=args.split_column, splits=args.splits, first_frames=args.first_frames_of,
        fps=args.fps_column, others=tuple(args.keep_columns)), args.root, args.fps)


def run(args: argparse.Namespace) -> None:
    """Prepare the source that was chosen, or print which file a name stands for."""
    from lddm_aug.preparation.prepare import Options, prepare
    from lddm_aug.preparation.prepared_folder import refuse_nesting

    if getattr(args, 'find', None):
        _print_file(args)
        return
    refuse_nesting(args.out, getattr(args, 'root', None) or args.source)
    options = Options(args.size, args.grey, args.min_frames, args.max_bad_share)
    print(prepare(args.list(args), args.out, options))


def _print_file(args: argparse.Namespace) -> None:
    from lddm_aug.preparation.dicom import find_file

    print(find_file(args.source, _key(args), args.find) or 'no file has this name')
