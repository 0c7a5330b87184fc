"""Find secrets in text: known values in all their forms, and tokens by their looks; whole or as it streams."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from .forms import SHORTEST, forms
from .shapes import HEADS, LONGEST_HEAD, PARTIAL, run_of

TOKEN = "[redacted token]"


@dataclass(frozen=True, slots=True)
class Found:
    """A secret at `start`; `run` goes on behind `end` where the text does."""

    start: int
    end: int
    marker: str
    run: re.Pattern[str] | None = None


class Matcher:
    """Look for a fixed set of values, each with its label.

    All forms share one expression of their first eight characters, so that it stays small where a secret is long; the
    markers are in it as well, so that what was redacted once is left as it is.
    """

    __slots__ = ("_begun", "_forms", "_heads", "longest")

    def __init__(self, labels: Mapping[str, str]) -> None:
        markers = {value: f"[redacted {label}]" for value, label in labels.items()}
        written = {form: marker for value, marker in markers.items() for form in forms(value)}
        written |= {marker: marker for marker in (*markers.values(), TOKEN)}
        self._forms: dict[str, list[tuple[str, str]]] = {}
        for form in sorted(written, key=len, reverse=True):
            self._forms.setdefault(form[:SHORTEST], []).append((form, written[form]))
        self._begun = {head[:n] for head in self._forms for n in range(1, SHORTEST)}
        self._heads = re.compile(_alternatives(self._forms))
        self.longest = max(map(len, written))

    def begins(self, text: str) -> bool:
        """Tell whether any form may begin somewhere in the text."""
        return self._heads.search(text) is not None

    def find(self, text: str, start: int, end: int) -> Iterator[Found]:
        """Yield the longest form at each place from `start` to `end`; they may overlap."""
        while (m := self._heads.search(text, start)) is not None and (at := m.start()) < end:
            for form, marker in self._forms[m[0]]:
                if text.startswith(form, at):
                    yield Found(at, at + len(form), marker)
                    break
            start = at + 1

    def undecided(self, text: str, start: int) -> int:
        """Return the first place where the text may be the beginning of a longer form; its end where there is none."""
        size = len(text)
        at = max(start, size - self.longest)
        while (m := self._heads.search(text, at)) is not None:
            at, rest = m.start(), text[m.start() :]
            if any(len(form) > len(rest) and form.startswith(rest) for form, _ in self._forms[m[0]]):
                return at
            at += 1
        return next((i for i in range(max(start, size - SHORTEST + 1), size) if text[i:] in self._begun), size)


def _alternatives(heads: Mapping[str, object]) -> str:
    """Return the expression of any of the heads, grouped by their first letter."""
    letters: dict[str, list[str]] = {}
    for head in sorted(heads):
        letters.setdefault(head[0], []).append(re.escape(head[1:]))
    return "|".join(f"{re.escape(first)}(?:{'|'.join(rests)})" for first, rests in letters.items())


def clear(matcher: Matcher, text: str, *, tokens: bool) -> bool:
    """Tell whether nothing can be found in a text; most texts are so, and this is the quick way to know."""
    return len(text) < SHORTEST or not (matcher.begins(text) or (tokens and HEADS.search(text) is not None))


def find(matcher: Matcher, text: str, start: int, end: int, *, tokens: bool) -> list[Found]:
    """Return what is found from `start` to `end`, in order; a known value before a token at the same place."""
    found = list(matcher.find(text, start, end))
    while tokens and (m := HEADS.search(text, start)) is not None and m.start() < end:
        found.append(Found(m.start(), m.end(), TOKEN, run_of(text, m.start())))
        start = m.start() + 1
    return sorted(found, key=lambda f: f.start)


class Holder:
    """Redact a text that comes in pieces: what `feed` and `flush` return, joined, is the whole text redacted.

    It holds back no more than may be the beginning of a secret, so less than `bound` characters.
    """

    __slots__ = ("_covered", "_matcher", "_runs", "_seen", "_text", "_tokens")

    def __init__(self, matcher: Matcher, *, tokens: bool = True) -> None:
        self._matcher, self._tokens = matcher, tokens
        self._text, self._seen = "", 0
        self._covered, self._runs = 0, tuple[re.Pattern[str], ...]()

    @property
    def bound(self) -> int:
        return max(self._matcher.longest, LONGEST_HEAD if self._tokens else 0)

    @property
    def held(self) -> int:
        """Return how many characters are held back."""
        return len(self._text) - self._seen

    def feed(self, text: str) -> str:
        """Take the next piece; return what may be shown."""
        whole = self._text + text
        cut = self._matcher.undecided(whole, self._seen)
        if self._tokens and (m := PARTIAL.search(whole, self._seen)) is not None:
            cut = min(cut, m.start())
        return self._advance(whole, cut)

    def flush(self, text: str = "") -> str:
        """Take the last piece; return the rest."""
        whole = self._text + text
        return self._advance(whole, len(whole))

    def _advance(self, text: str, cut: int) -> str:
        """Decide on the places before `cut`; keep the rest, and the character before it: it tells if a word begins."""
        found = find(self._matcher, text, self._seen, cut, tokens=self._tokens)
        shown = max(self._seen, self._go_on(text))
        out: list[str] = []
        for item in found:
            if item.start >= shown:
                out += text[shown : item.start], item.marker
            shown = max(shown, self._end(item, text))
        out.append(text[shown:cut])
        kept = max(cut - 1, 0)
        self._text, self._seen, self._covered = text[kept:], cut - kept, max(shown, cut) - kept
        return "".join(out)

    def _go_on(self, text: str) -> int:
        """Return how far what was found before covers the text."""
        covered, runs, self._runs = self._covered, self._runs, ()
        return max((self._covering(run, text, covered) for run in runs), default=covered)

    def _end(self, item: Found, text: str) -> int:
        return item.end if item.run is None else self._covering(item.run, text, item.end)

    def _covering(self, run: re.Pattern[str], text: str, start: int) -> int:
        """Return where a token ends; one that reaches the end of the text may go on in the next piece."""
        m = run.match(text, start)
        assert m is not None
        if m.end() == len(text):
            self._runs += (run,)
        return m.end()
