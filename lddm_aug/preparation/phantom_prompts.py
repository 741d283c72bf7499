"""Sentences about simulated sweeps: what training says of them, and what it never says."""
from __future__ import annotations

from collections.abc import Mapping

import numpy as np

SENTENCES = 24                                       # about each sweep
PROBE = ('probe', 'transducer', 'hand', 'scan head', 'device', 'sensor')
LESION = ('lesion', 'mass', 'tumour', 'finding', 'growth', 'spot', 'focus', 'structure')
SIDED = ('{probe} slides to the {side}', 'sweep to the {side}', 'sweep towards the {side}',
         '{probe} moves {side}', 'moving {side}', '{side}ward sweep', '{side} sweep',
         '{side}ward motion of the {probe}', '{probe} goes {side}', 'panning {side}',
         'from {other} to {side}', '{probe} glides {side}ward', 'translation to the {side}',
         '{probe} travels to the {side}', 'scanning in the direction of the {side}',
         '{probe} is dragged to the {side} side', 'the view wanders {side}',
         'steady course to the {side}', '{probe} creeps {side}wards', 'heading {side}wards',
         '{probe} is pulled {side}', '{probe} is pushed {side}wards', 'a {side}ward pan',
         'away from the {other}', 'travelling {side}wards', '{probe} wanders off to the {side}',
         'the {probe} is moved on the {side} hand side', 'it goes {side}wards slowly',
         '{side} of where it began', 'a shift {side}', 'translated {side}wards by the {probe}')
AMOUNT = {
    'gentle': ('gentle', 'little', 'weak', 'slight', 'small', 'mild', 'minimal', 'faint', 'calm',
               'light', 'quiet', 'hardly any', 'a low amount of', 'subdued', 'scarcely any', 'tiny',
              'almost no'),
    'strong': ('strong', 'much', 'powerful', 'intense', 'large', 'violent', 'maximal', 'marked',
               'lively', 'heavy', 'restless', 'plenty of', 'a high amount of', 'pronounced',
               'fierce', 'energetic', 'a great deal of')}
MOVES = {
    'gentle': ('the picture moves little', 'the tissue hardly moves', '{probe} presses gently',
               'barely moving', 'the tissue stays nearly still', 'nearly motionless',
               '{probe} touches the skin softly', 'everything is calm', 'nothing much happens',
               'all stays where it is', 'the {probe} rests on the skin', 'as good as static',
               'the tissue is left in peace', 'a quiet picture', 'the scene is frozen'),
    'strong': ('the picture moves a lot', 'the tissue moves considerably', '{probe} presses hard',
               'moving all the time', 'the tissue is shaken', 'very mobile',
               '{probe} pushes into the skin', 'everything is in motion', 'a great deal happens',
               'nothing stays where it is', 'the {probe} digs into the skin', 'far from static',
               'the tissue is squeezed powerfully', 'a restless picture', 'the scene is agitated')}
TOUGH = {
    'soft': ('soft', 'compressible', 'elastic', 'spongy', 'squeezable', 'flabby', 'compliant',
             'deformable', 'doughy', 'flexible', 'mushy', 'supple', 'yielding', 'malleable'),
    'stiff': ('stiff', 'incompressible', 'inelastic', 'rigid', 'firm', 'tough', 'resistant',
              'undeformable', 'stony', 'inflexible', 'hard', 'solid', 'unyielding', 'rock-like')}
STRAINS = {
    'soft': ('{lesion} deforms', '{lesion} flattens when pressed', '{lesion} loses height',
             '{lesion} can be compressed', '{lesion} follows the pressure', 'soft as butter',
             '{lesion} is strained', 'high strain in the {lesion}', '{lesion} yields',
             '{lesion} of high elasticity', '{lesion} of low rigidity', 'the {lesion} changes form',
             'high compressibility of the {lesion}', 'the outline of the {lesion} varies',
             'the {lesion} gets flatter and thicker', 'little hardness in the {lesion}'),
    'stiff': ('{lesion} does not deform', '{lesion} stays round when pressed',
              '{lesion} keeps its height', '{lesion} cannot be compressed',
              '{lesion} resists the pressure', 'hard as stone', '{lesion} is not strained',
              'low strain in the {lesion}', '{lesion} does not yield',
              '{lesion} of low elasticity', '{lesion} of high rigidity',
              'the {lesion} keeps its form', 'low compressibility of the {lesion}',
              'the outline of the {lesion} stays the same',
              'the {lesion} is as thick as before', 'much hardness in the {lesion}')}


def _wordings() -> dict[str, dict[str, list[str]]]:
    """What training may say of each value of each attribute."""
    return dict(
        slide={side: [each.format(probe=probe, side=side, other=other)
                      for each in SIDED for probe in PROBE]
               for side, other in (('left', 'right'), ('right', 'left'))},
        motion={value: [f'{amount} {what}' for amount in AMOUNT[value]
                        for what in ('motion', 'movement', 'movement of the tissue', 'change')]
                + [each.format(probe=probe) for each in MOVES[value] for probe in PROBE]
                for value in AMOUNT},
        lesion={value: [form.format(tough, lesion) for tough in TOUGH[value] for lesion in LESION
                        for form in ('{} {}', 'the {1} is {0}')]
                + [each.format(lesion=lesion) for each in STRAINS[value] for lesion in LESION]
                for value in TOUGH})


WORDINGS = _wordings()
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
    named = rng.permutation([*WORDINGS])[:rng.integers(1, len(WORDINGS), endpoint=True)]
    return ', '.join(str(rng.choice(WORDINGS[name][attributes[name]])) for name in named)
