"""A function call of the Gemini wire, whole or while its arguments come in pieces (partialArgs)."""

import json
import re
from itertools import pairwise
from secrets import token_hex
from typing import Any

from kt import ToolCall
from kt.events import ToolCallDelta

from .generate_parts import SIGNATURE, WIRE, own_of

MAX_GAP = 1000
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]|\['((?:[^'\\]|\\.)*)'\]|\[\"((?:[^\"\\]|\\.)*)\"\]", re.S)
_VALUES = ("stringValue", "numberValue", "boolValue")
_OWN = frozenset({"name", "args", "partialArgs", "willContinue"})


class CallDraft:
    """Collect one call from the parts it comes in; one that comes without an id is given one.

    `take` and `complete` return what there is to show. Raises TypeError and ValueError for what is no call.
    """

    def __init__(self, item: dict[str, Any], origin: str) -> None:
        call = item["functionCall"]
        self.name = call["name"]
        if not isinstance(self.name, str) or not self.name:
            raise ValueError("a function call without a name")
        self.given = call.get("id")
        self.id = str(self.given) if self.given else f"call_{token_hex(8)}"
        self._own = own_of(item, origin, {"functionCall"})
        self._inner: dict[str, Any] = {}
        self._args: dict[str, Any] | str | None = None
        self._shown = ""
        self._done: ToolCall | None = None

    def take(self, item: dict[str, Any]) -> ToolCallDelta | None:
        """Take a part of the call, its first or a later one, and return the arguments that are new and certain."""
        call = item["functionCall"]
        if signature := item.get(SIGNATURE):
            self._own.setdefault(SIGNATURE, signature)
        streamed = bool(call.get("willContinue") or "partialArgs" in call)
        known = _OWN if streamed else _OWN - {"willContinue"}
        self._inner.update((k, v) for k, v in call.items() if k not in known)
        if (args := call.get("args")) is not None:
            if not isinstance(args, dict | str):
                raise TypeError(f"arguments that are {type(args).__name__}")
            self._args = args
        elif "args" in call:
            self._inner["args"] = None
        for piece in call.get("partialArgs") or ():
            self._place(piece)
        return self._show(self._certain() if streamed else self._text())

    def complete(self) -> list[ToolCallDelta | ToolCall]:
        """Return the rest of the arguments and the call; nothing can follow."""
        rest = self._show(self._text())
        self._done = self._made(self._text())
        return [self._done] if rest is None else [rest, self._done]

    def finished(self, whole: bool) -> ToolCall:
        """Return the call; the very object that was shown. Arguments that are not whole are cut, so no valid JSON."""
        return self._done or self._made(self._text() if whole else self._certain() or "{")

    def _show(self, text: str) -> ToolCallDelta | None:
        """Return what `text` has more than what was shown; none where it is another one."""
        if len(text) <= len(self._shown) or not text.startswith(self._shown):
            return None
        new, self._shown = text[len(self._shown) :], text
        return ToolCallDelta(self.id, new)

    def _text(self) -> str:
        args = self._args
        if args is None or isinstance(args, str):
            return args or ""
        return json.dumps(args, ensure_ascii=False, separators=(",", ":"))

    def _certain(self) -> str:
        """Return the arguments without what closes them, for more may come inside."""
        return self._text().rstrip('"]}')

    def _place(self, piece: dict[str, Any]) -> None:
        """Put a piece of an argument where its path says; a string goes on where there is one."""
        value = next((piece[k] for k in _VALUES if piece.get(k) is not None), None)
        if value is None and "nullValue" not in piece:
            return
        if not isinstance(self._args, dict):
            self._args = {}
        node: Any = self._args
        steps = _steps(piece["jsonPath"])
        for step, after in pairwise(steps):
            node = _inside(node, step, [] if isinstance(after, int) else {})
        before = _inside(node, steps[-1], None)
        goes_on = isinstance(before, str) and isinstance(value, str)
        node[steps[-1]] = before + value if goes_on else value

    def _made(self, args: str) -> ToolCall:
        own = dict(self._own)
        if self._inner:
            own["inner"] = self._inner
        if isinstance(self._args, str):
            own["plain"] = True
        return ToolCall(self.id, self.name, args, x={WIRE: own})


def _steps(path: str) -> list[str | int]:
    """Return the names and positions of a JSONPath such as $.a[0]['b']."""
    steps: list[str | int] = []
    at = 1
    while at < len(path):
        if (found := _STEP.match(path, at)) is None:
            break
        name, index, single, double = found.groups()
        steps.append(int(index) if index else name or re.sub(r"\\(.)", r"\1", single or double or ""))
        at = found.end()
    if path[:1] != "$" or at < len(path) or not steps:
        raise ValueError(f"no path to an argument: {path!r}")
    return steps


def _inside(node: Any, step: str | int, default: Any) -> Any:
    """Return what stands at a step, `default` after putting it there."""
    if isinstance(step, str):
        if not isinstance(node, dict):
            raise TypeError(f"{step!r} of what is no object")
        if node.get(step) is None:
            node[step] = default
        return node[step]
    if not isinstance(node, list) or step > len(node) + MAX_GAP:
        raise TypeError(f"item {step} of what is no such list")
    node += [None] * (step + 1 - len(node))
    if node[step] is None:
        node[step] = default
    return node[step]
