"""Names that a person could take for another one."""

import re
import unicodedata
from collections.abc import Collection

LONG = 6
"""From this many characters on, two letters may differ; below it, one."""
LOOKALIKES = str.maketrans(
    {
        **dict(zip("01i", "oll", strict=True)),
        **dict(zip("авекмнорстухѕіјһԁԛԝӏ", "abekmhopctyxsljhdqwl", strict=True)),
        **dict(zip("αβικνορτυχ", "ablkvoptux", strict=True)),
        **dict(zip("ıɩɡ", "llg", strict=True)),
    }
)
"""Digits, Cyrillic, Greek and other letters, each with the Latin letter that it looks like; i, l and 1 are one."""


def confusable(name: str, others: Collection[str]) -> str | None:
    """Return which of the other names a name could be taken for; None where none, or where it is one of them.

    Two names are alike where few letters are missing, added, changed or swapped (two, or one in a name below six
    characters), and where only separators or letters of one look differ.
    """
    mine = _folded(name)
    others = {_folded(other): other for other in others}
    if mine in others:
        return None
    near = [(d, other) for folded, other in others.items() if (d := _apart(mine, folded)) is not None]
    return min(near)[1] if near else None


def _folded(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name.strip()).lower()


def _apart(left: str, right: str) -> int | None:
    """Return how far two names are apart, 0 where they look the same; None for far."""
    if _look(left) == _look(right):
        return 0
    limit = 2 if min(len(left), len(right)) >= LONG else 1
    if abs(len(left) - len(right)) > limit:
        return None
    apart = distance(left, right)
    return apart if apart <= limit else None


def _look(name: str) -> str:
    """Return a text that names of one look have in common."""
    letters = unicodedata.normalize("NFKD", name).casefold()
    plain = "".join(c for c in letters if c.isalnum()).translate(LOOKALIKES)
    return plain.replace("rn", "m").replace("vv", "w")


def distance(left: str, right: str) -> int:
    """Return how many letters must be added, removed, changed or swapped with their neighbour to get from one text to
    the other (Damerau)."""
    before: list[int] = []
    row = list(range(len(right) + 1))
    for i, a in enumerate(left, 1):
        before, row, last = row, [i], before
        for j, b in enumerate(right, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b))
            if i > 1 and j > 1 and a == right[j - 2] and left[i - 2] == b:
                cost = min(cost, last[j - 2] + 1)
            row.append(cost)
    return row[-1]
