"""What a tool call is called on one line."""

import json
from collections.abc import Mapping
from typing import Any

from .inert import one_line

FIRST = ("command", "path", "pattern", "query", "url", "prompt", "task", "name", "text")
"""Arguments that say most about a call, the best first."""


def title_of(name: str, arguments: Mapping[str, Any] | None, most: int = 120) -> str:
    """Return the argument that says most, then the others in short; "" for a call without any."""
    given = {k: v for k, v in (arguments or {}).items() if v not in (None, "", False)}
    first = next((key for key in FIRST if isinstance(given.get(key), str)), None)
    words = [one_line(given.pop(first), most)] if first else []
    if name != "edit" and not (first and len(words[0]) > most // 2):
        words += [f"{key}={_short(value)}" for key, value in given.items()]
    return one_line(" ".join(words), most)


def _short(value: Any) -> str:
    if isinstance(value, str):
        return one_line(value, 40)
    if isinstance(value, list | dict) and len(value) > 2:
        return f"[{len(value)}]" if isinstance(value, list) else "{...}"
    return one_line(json.dumps(value, ensure_ascii=False, default=str), 40)
