"""Sentences about simulated sweeps: what training says of them, and what it never says.

The phrases of training are in phantom_prompts.csv, with places for a name or a side.
"""
from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

import numpy as np

SENTENCES = 24                                       # about each sweep
OTHER = dict(left='right', right='left')


def _phrases() -> dict[tuple[str, str], list[str]]:
    """Attribute and value → what training may say of it."""
    phrases: dict[tuple[str, str], list[str]] = {}
    with Path(__file__).with_suffix('.csv').open(encoding='utf-8') as file:
        for row in csv.DictReader(file):
            phrases.setdefault((row['attribute'], row['value']), []).append(row['wording'])
    for value, other in OTHER.items():
        phrases['slide', value] = [phrase.replace('{side}', value).replace('{other}', other)
                                   for phrase in phrases['slide', 'side']]
    return phrases


PHRASES = _phrases()
NAMES = dict(probe=PHRASES['name', 'probe'], lesion=PHRASES['name', 'lesion'])
ATTRIBUTES = ('slide', 'motion', 'lesion')
# what no training says: attribute, value, sentence
HELD_OUT = (
    ('slide', 'left', 'the scanner head drifts leftwards'),
    ('slide', 'left', 'transducer shifted toward the left-hand edge'),
    ('slide', 'right', 'the scanner head drifts rightwards'),
    ('slide', 'right', 'transducer shifted toward the right-hand edge'),
    ('motion', 'gentle', 'next to no movement anywhere'),
    ('motion', 'gentle', 'the tissue is almost at rest'),
    ('motion', 'strong', 'vigorous movement throughout'),
    ('motion', 'strong', 'the tissue is pushed about forcefully'),
    ('lesion', 'stiff', 'a hard lump that holds its shape'),
    ('lesion', 'stiff', 'a nodule of great stiffness'),
    ('lesion', 'soft', 'a pliable lump that changes its shape'),
    ('lesion', 'soft', 'a nodule of great softness'))


def draw_prompt(attributes: Mapping[str, str], rng: np.random.Generator) -> str:
    """Sentences, divided by `|`, each of which names one to three attributes of a sweep.

    Args:
        attributes: name → value.
    """
    return ' | '.join(_sentence(attributes, rng) for _ in range(SENTENCES))


def _sentence(attributes: Mapping[str, str], rng: np.random.Generator) -> str:
    named = rng.permutation(ATTRIBUTES)[:rng.integers(1, len(ATTRIBUTES), endpoint=True)]
    names = {name: str(rng.choice(choices)) for name, choices in NAMES.items()}
    return ', '.join(str(rng.choice(PHRASES[name, attributes[name]])).format(**names)
                     for name in named)
