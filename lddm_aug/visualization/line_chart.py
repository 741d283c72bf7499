"""Curves with their names beside them as one SVG, which needs no library."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from lddm_aug.visualization.interval_chart import INK, WIDTH, round_ticks

LEFT, TOP, BOTTOM, HEIGHT = 48, 14, 46, 320          # pixels
LINE, LETTER = 17, 7.2                               # of the names on the right; at most
# read on light and on dark; told apart in grey by their dashes
STROKES = (('#2a9fc4', ''), ('#c8682a', '7 4'), ('#5f9e4f', '2 4'), ('#a55fb0', '10 3 2 3'),
           ('#b09a2a', '4 2'), ('#808890', '1 3'))


def draw_curves(curves: Mapping[str, Sequence[tuple[float, float]]], x_axis: str, y_axis: str,
                levels: Mapping[str, float] | None = None) -> str:
    """An SVG: a line through the points of each curve, its name at its end.

    Args:
        curves: (x, y) by name, in order of x; at least one has a point.
        x_axis, y_axis: what is counted, below and above the plot.
        levels: thin horizontal lines by name, with which the curves are compared.
    """
    levels = dict(levels or {})
    xs = [x for points in curves.values() for x, _ in points]
    ys = [*(y for points in curves.values() for _, y in points), *levels.values()]
    across, up = round_ticks(min(xs), max(xs)), round_ticks(min(ys), max(ys), least_span=0.1)
    bottom = HEIGHT - BOTTOM
    end = round(WIDTH - 14 - LETTER * min(max(map(len, (*curves, *levels))), 50))

    def at(x: float, y: float) -> tuple[float, float]:
        return (round(LEFT + (x - across[0]) / (across[-1] - across[0]) * (end - LEFT), 1),
                round(bottom - (y - up[0]) / (up[-1] - up[0]) * (bottom - TOP - LINE), 1))

    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
             f'font-family="system-ui, sans-serif" font-size="13" fill="{INK}">',
             f'<title>{escape(f"{y_axis}, by {x_axis}")}</title>',
             f'<text x="0" y="{TOP}">{escape(y_axis)}</text>',
             f'<text x="{(LEFT + end) / 2}" y="{bottom + 38}" text-anchor="middle">'
             f'{escape(x_axis)}</text>']
    for tick in up:
        _, y = at(across[0], tick)
        parts += [f'<path d="M{LEFT} {y}H{end}" stroke="{INK}" stroke-width="0.4"/>',
                  f'<text x="{LEFT - 8}" y="{y + 4}" text-anchor="end">{_number(tick)}</text>']
    for tick in across:
        x, _ = at(tick, up[0])
        parts.append(f'<text x="{x}" y="{bottom + 18}" text-anchor="middle">{_number(tick)}</text>')
    names: list[tuple[float, str, str]] = []         # y, name, colour
    for name, level in levels.items():
        _, y = at(across[0], level)
        parts.append(f'<path d="M{LEFT} {y}H{end}" stroke="{INK}" stroke-width="1.2"/>')
        names.append((y, name, INK))
    for number, (name, points) in enumerate(curves.items()):
        colour, dashes = STROKES[number % len(STROKES)]
        placed = [at(x, y) for x, y in points]
        path = 'L'.join(f'{x} {y}' for x, y in placed)
        parts.append(f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="2.2"'
                     + (f' stroke-dasharray="{dashes}"' if dashes else '') + '/>')
        parts += [f'<circle cx="{x}" cy="{y}" r="2.6" fill="{colour}"/>' for x, y in placed]
        names.append((placed[-1][1], name, colour))
    last = -LINE * 1.
    for y, name, colour in sorted(names):
        last = max(y, last + LINE)                   # below the name before, where both end alike
        parts.append(f'<text x="{end + 10}" y="{round(last + 4, 1)}" fill="{colour}">'
                     f'{escape(name)}</text>')
    return '\n'.join([*parts, '</svg>']) + '\n'


def _number(tick: float) -> str:
    return f'{tick:g}'.replace('-', '−')
