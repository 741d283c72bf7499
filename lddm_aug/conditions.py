"""What a generator can be told about a clip beside its still: categories, numbers and texts."""
from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from lddm_aug import text
from lddm_aug.classes import class_list, shown

if TYPE_CHECKING:
    from torch import Tensor

LABEL = 'label'                                      # the class, which every table has
CATEGORY, NUMBER, TEXT = 'category', 'number', 'text'
KINDS = (CATEGORY, NUMBER, TEXT)
MOTION, SLIDE = 'motion', 'slide'
MEASURED = (MOTION, SLIDE)                           # numbers that are measured on training clips
OR = '|'                                             # between several wordings of a text

Value = str | float | None
Told = Mapping[str, Value]                           # of one clip; what is left out is unknown


class Conditions(Mapping[str, tuple[str, ...] | str]):
    """The conditions of a generator by name, in their order.

    A category has its names as its value, a number 'number' and a text 'text'.  Of each clip any of
    them may be unknown: left out, None or blank.

    Args:
        owner: prefix of the messages.
        declared: name → 'number', 'text', the names of a category, or 'category' for one whose
            names are those of the training data; None for no conditions.

    Raises:
        ValueError: for anything else, or names that stand there twice.
    """

    def __init__(self, owner: str, declared: Mapping[str, Sequence[str] | str] | None = None
                 ) -> None:
        if not isinstance(declared, (Mapping, type(None))):
            raise ValueError(f'{owner}: conditions has a kind for each name, as '
                             f"dict(label='category', motion='number'), but got {declared!r}")
        self._kinds = {str(name): _kind(owner, str(name), kind)
                       for name, kind in (declared or {}).items()}
        self.columns: dict[str, slice] = {}
        for name, kind in self._kinds.items():
            width = text.TEXT_WIDTH if kind == TEXT else 1
            self.columns[name] = slice(self.width, self.width + width)

    def __getitem__(self, name: str) -> tuple[str, ...] | str:
        return self._kinds[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._kinds)

    def __len__(self) -> int:
        return len(self._kinds)

    @property
    def width(self) -> int:
        """How many numbers encode what is known about a clip."""
        return next((columns.stop for columns in reversed(self.columns.values())), 0)

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes; empty for a generator that isn't told the class."""
        return tuple(self.get(LABEL, ()))

    @property
    def measured(self) -> tuple[str, ...]:
        """The numbers that are measured on training clips, and drawn where they aren't set."""
        return tuple(name for name in self if name in MEASURED)

    @property
    def is_complete(self) -> bool:
        """Whether the names of all categories are known."""
        return CATEGORY not in self.values()

    def as_config(self) -> dict[str, list[str] | str]:
        """What builds it again, in the types of JSON."""
        return {name: kind if isinstance(kind, str) else list(kind) for name, kind in self.items()}

    def require_known(self, owner: str, rows: Sequence[Told]) -> None:
        """Raise ValueError for a value that is no name of its category, or no finite number."""
        for name, kind in self.items():
            values = {row.get(name) for row in rows} - {None, ''}
            if isinstance(kind, tuple):
                unknown = sorted(map(str, values - {*kind}))
                if unknown:
                    raise ValueError(
                        f'{owner}: {name} is one of {shown(kind)}, which the generator was trained '
                        f'on, but got {shown(map(repr, unknown))}; leave out what they are of, or '
                        'take a generator that was trained on them')
            elif kind == NUMBER:
                for value in values:
                    to_number(owner, name, value)

    def encode(self, owner: str, rows: Sequence[Told]) -> Tensor:
        """What is known about B clips → (B, width) float32, NaN where it is unknown.

        A category becomes the index of its name.

        Raises:
            ValueError: as `require_known`; or without the sentence encoder for a text.
        """
        import torch  # slow, and not needed for help and mistakes

        self.require_known(owner, rows)
        encoded = torch.full((len(rows), self.width), math.nan)
        for name, kind in self.items():
            known = [(number, value) for number, row in enumerate(rows)
                     if (value := row.get(name)) not in (None, '')]
            numbers, values = [number for number, _ in known], [value for _, value in known]
            if not known:
                continue
            if isinstance(kind, tuple):
                cells = torch.tensor([[float(kind.index(str(value)))] for value in values])
            elif kind == NUMBER:
                cells = torch.tensor([[to_number(owner, name, value)] for value in values])
            else:
                cells = text.encode_texts([str(value) for value in values])
            encoded[numbers, self.columns[name]] = cells
        return encoded

    def of(self, row: Told) -> dict[str, Value]:
        """What a row says about these conditions, without what is unknown."""
        return {name: value for name in self if (value := row.get(name)) not in (None, '')}

    def wordings(self, row: Told) -> list[dict[str, Value]]:
        """A row by each wording of its texts, which `|` divides; shorter lists begin again."""
        texts = {name: wordings for name, kind in self.items()
                 if kind == TEXT and OR in str(row.get(name, ''))
                 and (wordings := [each.strip() for each in str(row[name]).split(OR)
                                   if each.strip()] or [''])}
        count = max(map(len, texts.values()), default=1)
        return [dict(row) | {name: wordings[number % len(wordings)]
                             for name, wordings in texts.items()} for number in range(count)]

    def worded(self, row: Told, seed: int) -> dict[str, Value]:
        """Of `wordings` the one that the seed draws."""
        from lddm_aug.seeds import derive_seed  # brings torch, which is slow

        wordings = self.wordings(row)
        return wordings[derive_seed('wording', seed) % len(wordings)]


def to_number(owner: str, name: str, value: Value) -> float:
    """A value of a condition that is a number; a table may have a decimal comma.

    Raises:
        ValueError: for anything but a finite number.
    """
    try:
        number = float(str(value).replace(',', '.'))
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f'{owner}: {name} is a number, but got {value!r}; correct it, or leave '
                         'it blank where it is unknown')
    return number


def _kind(owner: str, name: str, kind: Sequence[str] | str) -> tuple[str, ...] | str:
    if not name.strip():
        raise ValueError(f'{owner}: a condition has a name, but got {name!r}')
    if not isinstance(kind, str):
        names = class_list(owner, kind)
        if not names:
            raise ValueError(f'{owner}: the category {name} has names, but got none')
        return names
    if kind not in KINDS:
        raise ValueError(f'{owner}: {name} is one of {", ".join(KINDS)}, or a list of names, but '
                         f'got {kind!r}')
    if (name == LABEL and kind != CATEGORY) or (name in MEASURED and kind != NUMBER):
        raise ValueError(f'{owner}: {name} is a {CATEGORY if name == LABEL else NUMBER}, but got '
                         f'{kind!r}')
    return kind
