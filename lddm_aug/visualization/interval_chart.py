"""Figures with intervals as one SVG, which needs no library and reads on light and on dark."""
from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

WIDTH, LEFT, RIGHT = 760, 256, 150                   # pixels; of names and of figures beside bars
ROW, TOP, BOTTOM = 44, 12, 46
STEPS = (1, 2, 5)                                    # between two ticks, times a power of ten
INK, COLOUR = '#808890', '#2a9fc4'                   # read on light and on dark


@dataclass(frozen=True)
class Bar:
    """A figure.

    Attributes:
        name: what was measured or compared.
        value: the figure.
        low, high: its interval; None where there is none.
        dots: the single runs behind it.
        detail: a second line below the name.
        shown: the figure as it is written beside the bar; by default as a difference.
    """
    name: str
    value: float
    low: float | None = None
    high: float | None = None
    dots: Sequence[float] = ()
    detail: str = ''
    shown: str = ''

    @property
    def text(self) -> str:
        """As +5.3 [+1.3, +9.5], or what shall be shown."""
        if self.shown:
            return self.shown
        text = f'{self.value:+.1f}'
        if self.low is not None and self.high is not None:
            text += f' [{self.low:+.1f}, {self.high:+.1f}]'
        return text.replace('-', '−')


def draw_differences(bars: Sequence[Bar], axis: str, title: str = '') -> str:
    """An SVG: a dot, an interval and the single runs per bar, beside a line at no difference.

    Args:
        bars: from top to bottom.
        axis: what is counted, below the axis.
        title: for readers who don't see it.
    """
    return _draw(bars, axis, title, lambda tick: f'{tick:+g}' if tick else '0')


def draw_values(bars: Sequence[Bar], axis: str, title: str = '') -> str:
    """The same for figures that are no differences, from zero on."""
    return _draw(bars, axis, title, lambda tick: f'{tick:g}')


def _draw(bars: Sequence[Bar], axis: str, title: str, text_of: Callable[[float], str]) -> str:
    ends = [0., *(end for bar in bars for end in (bar.value, bar.low, bar.high, *bar.dots)
                  if end is not None)]
    ticks = round_ticks(min(ends), max(ends))
    height = TOP + ROW * len(bars) + BOTTOM
    bottom = TOP + ROW * len(bars)

    def x(value: float) -> float:
        share = (value - ticks[0]) / (ticks[-1] - ticks[0])
        return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)

    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
             f'role="img" font-family="system-ui, sans-serif" font-size="13" fill="{INK}">',
             f'<title>{escape(title or axis)}</title>']
    for tick in ticks:
        at, width = x(tick), 0.4 if tick else 1.6
        parts += [f'<path d="M{at} {TOP}V{bottom}" stroke="{INK}" stroke-width="{width}"/>',
                  f'<text x="{at}" y="{bottom + 16}" text-anchor="middle">'
                  f'{text_of(tick).replace("-", "−")}</text>']
    middle = (LEFT + WIDTH - RIGHT) / 2
    parts.append(f'<text x="{middle}" y="{bottom + 36}" text-anchor="middle">{escape(axis)}</text>')
    for number, bar in enumerate(bars):
        y = TOP + ROW * (number + 0.5)
        parts.append(f'<text x="0" y="{y - 4 if bar.detail else y + 4}">{escape(bar.name)}</text>')
        if bar.detail:
            parts.append(f'<text x="0" y="{y + 12}" font-size="12">{escape(bar.detail)}</text>')
        if bar.low is not None and bar.high is not None:
            parts.append(f'<path d="M{x(bar.low)} {y}H{x(bar.high)}" stroke="{COLOUR}" '
                         'stroke-width="3"/>')
        parts += [f'<circle cx="{x(dot)}" cy="{y + 10}" r="2.5" fill="none" stroke="{INK}"/>'
                  for dot in bar.dots]
        parts += [f'<circle cx="{x(bar.value)}" cy="{y}" r="5.5" fill="{COLOUR}"/>',
                  f'<text x="{WIDTH}" y="{y + 4}" text-anchor="end">{bar.text}</text>']
    return '\n'.join([*parts, '</svg>']) + '\n'


def round_ticks(low: float, high: float, least_span: float = 1.) -> list[float]:
    """Round numbers that enclose both, at most nine.

    Args:
        least_span: of what is shown, so that nothing but noise isn't drawn large.
    """
    span = max(high - low, least_span)
    power = 10. ** math.floor(math.log10(span / 5))
    step = next(step * power for step in (*STEPS, 10) if span / (step * power) <= 7)
    first, last = math.floor(low / step), math.ceil(high / step)
    return [round(number * step, 6) for number in range(first, max(last, first + 1) + 1)]
