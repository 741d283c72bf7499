"""Names of classes: parsed from a user's input, and compared between two places."""
from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from numbers import Number
from typing import Any

SHOWN = 8


def class_list(owner: str, given: Any) -> tuple[str, ...]:
    """The names of classes in the order of their labels; empty for None.

    Args:
        owner: prefix of the message.
        given: names or numbers, which become text; or one text, which `split_names` splits.

    Raises:
        ValueError: if it is no list of names, or a name is blank or duplicate.
    """
    if given is None:
        return ()
    if isinstance(given, (str, Number)):
        names = split_names(str(given))
    elif (isinstance(given, Sequence)
          and all(isinstance(name, (str, Number)) for name in given)):
        names = [str(name).strip() for name in given]
    else:
        raise ValueError(f'{owner}: classes are a list of names, in the order of their labels, '
                         f'but got {given!r}')
    if '' in names:
        raise ValueError(f'{owner}: every class has a name, but one in classes={given!r} is blank')
    twice = sorted(name for name, count in Counter(names).items() if count > 1)
    if twice:
        raise ValueError(f'{owner}: every class has a name of its own, but classes={given!r} '
                         f'names {", ".join(twice)} twice')
    return tuple(names)


def split_names(text: str) -> list[str]:
    """`a,b`, `[a, b]`, `('a', 'b')` → a and b; `a` → a alone; blank text → nothing.

    Numbers and blanks inside a name are unchanged: 01, 1e3, true, `no lines`.
    """
    text = text.strip(' \'"')
    if text[:1] + text[-1:] in ('[]', '()'):
        text = text[1:-1].strip()
    if not text:
        return []
    return [name.strip(' \'"') for name in text.removesuffix(',').split(',')]


def refuse_other_classes(owner: str, here: str, ours: Sequence[str], there: str,
                         theirs: Sequence[str], advice: str = 'set classes of both to one list'
                         ) -> None:
    """Raise ValueError if two lists of classes differ in names, number or order.

    Args:
        owner: prefix of the message.
        here: what the first list belongs to.
        ours: the first list.
        there: what the second list belongs to.
        theirs: the second list.
        advice: end of the message.
    """
    if tuple(ours) == tuple(theirs):
        return
    only = [f'{shown(sorted(names))} only in {place}'
            for place, names in ((here, {*ours} - {*theirs}), (there, {*theirs} - {*ours}))
            if names]
    difference = ' and '.join(only) or 'the same names in another order'
    raise ValueError(f'{owner}: the classes of {here} are {shown(ours)}, but those of {there} are '
                     f'{shown(theirs)}: {difference}; {advice}')


def shown(names: Iterable[str]) -> str:
    """The names for a message, shortened to the first eight."""
    names = list(names)
    rest = f', … ({len(names)} in all)' if len(names) > SHOWN else ''
    return ', '.join(names[:SHOWN]) + rest
