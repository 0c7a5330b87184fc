"""Split Markdown that streams into blocks that are finished, so that each is rendered once."""

import re

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_ITEM = re.compile(r" {0,3}(?:[-*+]|\d{1,9}[.)])\s")
_GOES_ON = re.compile(r"\s|[-*+]\s|\d{1,9}[.)]\s")
"""How a line begins that may belong to the list before an empty line."""


class Blocks:
    """Take text as it comes, and hand out finished blocks: what no later text can change.

    A block ends at an empty line outside of a fence; in a list, where the next line does not go on with it.
    """

    def __init__(self) -> None:
        self.rest = ""
        """What is not finished."""
        self._line = 0
        self._fence = ""
        self._gap: int | None = None
        self._listed = False

    def feed(self, text: str) -> list[str]:
        """Return the blocks that `text` finishes."""
        self.rest += text
        done: list[str] = []
        while (end := self.rest.find("\n", self._line)) >= 0:
            if (block := self._take(self.rest[self._line : end], end + 1)) is not None:
                done.append(block)
        return done

    def end(self) -> list[str]:
        """Return what is left as the last block."""
        rest, self.rest = self.rest, ""
        self._line, self._fence, self._gap, self._listed = 0, "", None, False
        return [rest] if rest.strip() else []

    def _take(self, line: str, after: int) -> str | None:
        """Look at one line; return the block before it, if it begins another."""
        if self._fence:
            if line.strip().startswith(self._fence) and not line.strip().strip(self._fence[0]):
                self._fence = ""
            self._line = after
            return None
        if not line.strip():
            self._gap = after if self._gap is None and self.rest[: self._line].strip() else self._gap
            self._line = after
            return None
        if self._gap is not None and not (self._listed and _GOES_ON.match(line)):
            return self._cut(self._gap)
        self._gap = None
        self._listed = self._listed or bool(_ITEM.match(line))
        if fence := _FENCE.match(line):
            self._fence = fence[1]
        self._line = after
        return None

    def _cut(self, at: int) -> str:
        block, self.rest = self.rest[:at], self.rest[at:]
        self._line, self._gap, self._listed = 0, None, False
        return block
