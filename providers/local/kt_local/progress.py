"""A progress bar on stderr: one line on a terminal, a line every tenth elsewhere."""

import sys
from time import monotonic


class Bar:
    """Show how far a download is: `Bar("name")(done, total)`, then `end()`."""

    def __init__(self, label: str) -> None:
        self._label, self._began, self._next, self._tenth = label, monotonic(), 0.0, -1
        self._live = sys.stderr.isatty()
        self._first: int | None = None

    def __call__(self, done: int, total: int) -> None:
        self._first = done if self._first is None else self._first
        now = monotonic()
        if self._live and (now >= self._next or done >= total):
            self._next = now + 0.1
            filled = int(30 * done / total)
            print(f"\r{self._label} [{'#' * filled:<30}] {self._figures(done, total)}\x1b[K", end="", file=sys.stderr)
        elif not self._live and done * 10 // total > self._tenth:
            self._tenth = done * 10 // total
            print(f"{self._label}: {self._figures(done, total)}", file=sys.stderr)
        sys.stderr.flush()

    def _figures(self, done: int, total: int) -> str:
        seconds = monotonic() - self._began
        rate = (done - (self._first or 0)) / seconds if seconds > 0.5 else 0
        left = f", {(total - done) / rate:.0f} s left" if rate and done < total else ""
        return f"{done / 1e6:,.0f} of {total / 1e6:,.0f} MB{left}"

    def end(self) -> None:
        if self._live:
            print(file=sys.stderr)
