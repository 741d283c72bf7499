"""The model card of a package, README.md, in the form that the Hugging Face Hub reads."""
from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, StrictUndefined

from lddm_aug.classes import shown
from lddm_aug.files import atomic_write
from lddm_aug.json_files import read_json
from lddm_aug.limits import refuse_above
from lddm_aug.visualization.markdown import escaped

MODEL_CARD = 'README.md'
FIGURES = 'evaluation.json'                          # what `lddm-aug evaluate --card` measured
UNKNOWN = 'unknown'                                  # the Hub's identifier of no licence
FENCE = '---\n'                                      # before and after the metadata
OWN = '<!-- what stands below this line is kept -->'
# their weights hold encoded training clips
HOLDING_CLIPS = ('MotionTransfer',)
METRICS = {'psnr': 'psnr_db'}                        # the Hub's identifier → in a stage's figures


def write_model_card(folder: Path, package: Mapping[str, Any], license: str | None = None) -> None:
    """Write the README.md of a package, in place of the one there.

    Its licence stays if no other is given, and so does what somebody wrote below its last line.

    Args:
        package: content of package.json.
        license: identifier of the Hub, as cc-by-nc-4.0.

    Raises:
        ValueError: if README.md isn't a model card, or the figures are of another package.
    """
    with atomic_write(folder / MODEL_CARD) as file:
        file.write(model_card(folder, package, license=license).encode(errors='replace'))


def model_card(folder: Path, package: Mapping[str, Any], source: str = 'PACKAGE',
               license: str | None = None) -> str:
    """The text of a package's model card: metadata in YAML, then Markdown.

    Args:
        folder: of the package, with its last card and its figures, if there are any.
        package: content of package.json.
        source: what a reader is to load: a folder, or hf://user/name.
        license: as for `write_model_card`.
    """
    before, own = _last_card(folder / MODEL_CARD)
    license = license or before.get('license') or UNKNOWN
    figures = read_figures(folder, package)
    environment = Environment(undefined=StrictUndefined, trim_blocks=True)
    template = environment.from_string(
        Path(__file__).with_suffix('.md').read_text(encoding='utf-8'))
    body = template.render(**_facts(package), source=source, evaluation=figures, license=license)
    metadata = yaml.safe_dump(_metadata(package, license), sort_keys=False, allow_unicode=True)
    return f'{FENCE}{metadata}{FENCE}\n{body.strip()}\n\n{OWN}\n{own}'


def write_figures(folder: Path, package: Mapping[str, Any], clips: int, groups: int,
                  rows: Sequence[Mapping[str, str]]) -> None:
    """Keep what an evaluation found beside a package, and put it into the model card.

    Args:
        clips, groups: how many held-out clips, of how many groups, it was compared with.
        rows: figure, value, interval and remark of each line.
    """
    kept = [{name: row[name].replace('|', '\\|')            # which ends a cell
             for name in ('figure', 'value', 'interval', 'remark')} for row in rows]
    with atomic_write(folder / FIGURES) as file:
        file.write(json.dumps(dict(package_sha256=package['sha256'], clips=clips, groups=groups,
                                   rows=kept), indent=2).encode())
    write_model_card(folder, package)


def read_figures(folder: Path, package: Mapping[str, Any]) -> dict[str, Any] | None:
    """What an evaluation found of the package, if one was kept.

    Raises:
        ValueError: if it is of another package.
    """
    path = folder / FIGURES
    if not path.is_file():
        return None
    figures = read_json(path, {
        'package_sha256': str, 'clips': int, 'groups': int,
        'rows': [dict.fromkeys(('figure', 'value', 'interval', 'remark'), str)]},
        'delete it, and evaluate the package with --card')
    if figures['package_sha256'] != package['sha256']:
        raise ValueError(f'{path} is of another package; delete it, and evaluate this one with '
                         '--card')
    return figures


def _metadata(package: Mapping[str, Any], license: str) -> dict[str, Any]:
    kind = package['generator']['type']
    parent = (package['parent'] or {}).get('source')
    metrics = [metric for metric, figure in METRICS.items()
               if any(figure in stage.get('figures', {}) for stage in package['stages'].values())]
    return dict(
        license=license, library_name='lddm_aug', pipeline_tag='image-to-video',
        tags=['ultrasound', 'medical', 'video', 'data-augmentation', kind],
        **(dict(metrics=metrics) if metrics else {}),
        **(dict(base_model=parent.partition('://')[2].partition('@')[0],
                base_model_relation='finetune') if parent else {}))


def _facts(package: Mapping[str, Any]) -> dict[str, Any]:
    generator, stages = package['generator'], package['stages']
    return dict(
        {name: package[name] for name in ('sha256', 'num_groups', 'parent')},
        kind=generator['type'], **package['clip'],
        conditions=', '.join(escaped(f'{name} ({kind if isinstance(kind, str) else shown(kind)})')
                             for name, kind in package['conditions'].items()),
        sampler=', '.join(f'{name} {value}' for name, value in package['sampler'].items()),
        holds_clips=generator['type'] in HOLDING_CLIPS,
        data=[dict(stage=escaped(name), label=escaped(label), **counts)
              for name, stage in stages.items() for label, counts in stage.get('data', {}).items()],
        reconstruction=[dict(stage=escaped(name), **stage['figures'])
                        for name, stage in stages.items()
                        if all(isinstance(stage.get('figures', {}).get(name), (int, float))
                               for name in ('psnr_db', 'still_psnr_db'))],
        stages=[dict(stage=escaped(name), iterations=stage.get('iterations', ''),
                     weights=_code(stage.get('weights_sha256')),
                     inputs=', '.join(_inputs(stage.get('inputs', {}))))
                for name, stage in stages.items()],
        versions=', '.join(f'{name} {version}' for name, version in package['versions'].items()))


def _inputs(inputs: Mapping[str, str]) -> Iterator[str]:
    """Each content once, however many keys name it."""
    yield from dict.fromkeys(f'`{content}`' for content in inputs.values())


def _code(text: str | None) -> str:
    return f'`{text}`' if text else ''


def _last_card(path: Path) -> tuple[dict[str, Any], str]:
    """Metadata of the card that is there, and what somebody added below it."""
    if not path.is_file():
        return {}, ''
    refuse_above('MAX_TEXT', path.stat().st_size, path)
    text = path.read_bytes().decode(errors='replace')
    _, fence, rest = text.partition(FENCE)
    try:
        metadata = yaml.safe_load(rest.partition(FENCE)[0]) if text.startswith(FENCE) else None
    except (yaml.YAMLError, ValueError, RecursionError):             # ValueError: the 99th of June
        metadata = None
    if not fence or not isinstance(metadata, dict):
        raise ValueError(f'{path} is no model card, which begins with metadata between two lines '
                         '`---`; move it away')
    return metadata, text.partition(f'{OWN}\n')[2]
