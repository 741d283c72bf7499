"""Table 2 as the paper prints it: Chen, Shi et al., MICCAI 2024.

The only print that could be read is damaged: a ? follows a digit that may be another, and what
couldn't be read at all is left out.  The paper names no seeds and no intervals; its accuracies fit
tests of 56, 93 and 130 videos, so one video is 1.8, 1.1 and 0.8 points.
"""
from __future__ import annotations

# the paper's LDDM has the still alone, without its class
TRAINING_SETS = ('real', 'cinn_mix', 'lddm_blind_mix')
RATIOS = ('7:3', '5:5', '3:7')

# recognizer → ratio → F1 / accuracy in %, in the order of TRAINING_SETS
TABLE_2 = {
    'c3d': {'7:3': ('70.96 / 73.21', '74.15 / 75.00', '75.20 / 75.00'),
            '5:5': ('64.85 / 68.81', '66.67 / 67.74', '67.92 / 67.74'),
            '3:7': ('60.12 / 64.61', '64.56 / 65.38', '66.08 / 66.15')},
    'tsm': {'7:3': ('78.91 / 78.57', '76.03 / 76.79', '80.96 / 80.36'),
            '5:5': ('73.10 / 73.1?', '76.77 / 76.34', '77.52 / 77.42'),
            '3:7': ('72.96 / 73.07', '71.83 / 72.31', '78.96 / 79.23')},
    'tdn': {'7:3': ('83.03 / 83.93', '78.62 / 78.57', '83.66 / 83.93'),
            '5:5': ('72.96 / 72.73?', '76.87 / 77.21?', '80.40 / 78.66?'),
            '3:7': ('63.92 / 65.38', '72.15 / 72.67?', '75.00 / 75.38')},
    'atmnet': {'7:3': ('72.08 / 73.21', '73.34 / 75.00', '78.70 / 78.57')},
}


def published(recognizer: str, training_set: str, ratio: str) -> str | None:
    """F1 / accuracy in % as printed; None where the paper has none or it can't be read."""
    figures = TABLE_2.get(recognizer, {}).get(ratio)
    if figures is None or training_set not in TRAINING_SETS:
        return None
    return figures[TRAINING_SETS.index(training_set)]
