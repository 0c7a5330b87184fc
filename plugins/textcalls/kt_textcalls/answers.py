"""Find the answer's text in an action while it streams."""

import json
import re

_HEAD = re.compile(r'\s*\{\s*"answer"\s*:\s*"')
_MAYBE = re.compile(r'\s*(\{\s*("(a(n(s(w(e(r("\s*(:\s*)?)?)?)?)?)?)?)?)?)?$')
_HIGH = r"\\u[dD][89abAB][0-9a-fA-F]{2}"
_UNITS = re.compile(rf'(?:[^"\\]|\\[^u]|{_HIGH}\\u[dD][c-fC-F][0-9a-fA-F]{{2}}|(?!{_HIGH})\\u[0-9a-fA-F]{{4}})*')
_LONE = re.compile(rf"{_HIGH}(?=[^\\]|\\[^u]|\\u(?![dD][c-fC-F])[0-9a-fA-F]{{2}})")


class AnswerStream:
    """Turn pieces of a reply, cut anywhere, into pieces of its answer's text.

    Text that is no JSON object is an answer from its first character on; a tool action gives nothing.
    """

    def __init__(self) -> None:
        self._pending, self._state = "", "head"

    def feed(self, piece: str) -> str:
        """Return the answer text that this piece completes."""
        if self._state == "plain":
            return piece
        if self._state == "over":
            return ""
        self._pending += piece
        if self._state == "head" and not self._begin():
            return self._pending_plain()
        return self._units()

    def _begin(self) -> bool:
        found = _HEAD.match(self._pending)
        if found:
            self._pending, self._state = self._pending[found.end() :], "answer"
        return bool(found)

    def _pending_plain(self) -> str:
        """Return what is held back once it is clear that no action begins."""
        text = self._pending.lstrip()
        if text and text[0] not in "{`":
            plain, self._pending, self._state = self._pending, "", "plain"
            return plain
        if text and not _MAYBE.match(self._pending):
            self._state = "over"
        return ""

    def _units(self) -> str:
        out = []
        while True:
            whole = _UNITS.match(self._pending)
            assert whole is not None
            out.append(whole[0])
            self._pending = self._pending[whole.end() :]
            if self._pending[:1] == '"':
                self._state = "over"
                break
            lone = _LONE.match(self._pending)
            if lone is None:
                break
            out.append("\\ufffd")
            self._pending = self._pending[lone.end() :]
        text: str = json.loads(f'"{"".join(out)}"', strict=False)
        return text.encode("utf-8", "replace").decode()
