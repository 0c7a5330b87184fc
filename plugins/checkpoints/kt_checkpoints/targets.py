"""What a call may write: the paths that it names, or anything in the working folder."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from kt import Registry, Tool, ToolCall

from .files import is_folder

ANYWHERE = ("$WS", "*")


@dataclass(frozen=True, slots=True)
class Targets:
    """The paths that a call names, relative to the working folder or absolute, and whether it may write others."""

    paths: tuple[str, ...] = ()
    anywhere: bool = False


def targets(registry: Registry, tool: Tool, call: ToolCall, root: Path) -> Targets:
    """Return what a call may write. A function of the kind `writes_of` tells it for tools that can't declare it."""
    entry = registry.find("writes_of", call.name)
    if entry is not None:
        tell: Callable[[ToolCall], list[str]] = entry.load()
        named, anywhere = list(tell(call)), False
    else:
        named = list(_filled(tool.needs.writes, call))
        anywhere = any(pattern in ANYWHERE for pattern in named)
    found = {_local(path, root) for text in named if text not in ANYWHERE and (path := _real(text, root))}
    folders = {path for path in found if is_folder(root / path)}
    return Targets(tuple(sorted(found - folders)), anywhere or bool(folders))


def _filled(patterns: tuple[str, ...], call: ToolCall) -> Iterator[str]:
    """Yield the patterns with "@name" replaced by the values of that argument."""
    for pattern in patterns:
        value = (call.arguments or {}).get(pattern[1:]) if pattern.startswith("@") else pattern
        yield from (item for item in (value if isinstance(value, list) else [value]) if isinstance(item, str))


def _real(text: str, root: Path) -> Path | None:
    """Return the path with links resolved, as a tool would write to it; None for what is no path."""
    try:
        path = Path(text).expanduser() if text.startswith("~/") else Path(text)
        return (root / path).resolve()
    except (ValueError, RuntimeError, OSError):
        return None  # the tool itself says what is wrong with it


def _local(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.as_posix()
