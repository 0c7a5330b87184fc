"""What a call would make of its files, for whoever is asked about it: the kind `preview`."""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from kt.errors import KTError

from ._edits import Edit, apply

Reads: TypeAlias = Callable[[str], str | None]
"""Return the text of a file by its path, None where there is none."""
Preview: TypeAlias = list[tuple[str, str | None, str | None]]
"""(path, text before, text after) of each file; empty where the call would not work."""


def written(arguments: Mapping[str, Any], reads: Reads) -> Preview:
    """Return what `write` would do."""
    path, content = arguments.get("path"), arguments.get("content")
    return [(path, reads(path), content)] if isinstance(path, str) and isinstance(content, str) else []


def edited(arguments: Mapping[str, Any], reads: Reads) -> Preview:
    """Return what `edit` would do."""
    path = arguments.get("path")
    before = reads(path) if isinstance(path, str) else None
    if not isinstance(path, str) or before is None:
        return []
    try:
        single = [arguments] if arguments.get("old") is not None else []
        edits = [Edit(e["old"], e["new"], bool(e.get("replace_all"))) for e in arguments.get("edits") or single]
        after, _ = apply(before, edits)
    except (KTError, KeyError, TypeError, AttributeError):
        return []  # the tool itself says what is wrong with it
    return [(path, before, after)]
