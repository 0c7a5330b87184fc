"""Where the hooks stand: the user's settings.json, and that of a project, which counts once its folder is trusted."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kt import Registry

from .settings import Hook, parse

NAMES = ("settings.json", "settings.local.json")
MAX_SIZE = 1_000_000


@dataclass(slots=True)
class Found:
    """The hooks of all files that count, and remarks for the user.

    `root` is the project's folder. `watched` is the folder whose trust the hooks marked `project` need.
    """

    root: Path
    hooks: list[Hook] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    watched: Path | None = None


def find(pwd: Path, registry: Registry, timeout: float) -> Found:
    """Return the hooks of the user's file and of the nearest project's. Raises what looking up trust raises."""
    folder, repository = project_of(pwd)
    found = Found(folder or repository or pwd)
    user = _tables([user_file()], found.remarks)
    if not any(table.get("disableAllHooks") for _, table in user):
        _take(found, user, timeout, project=False)
        if folder is not None:
            _take_project(found, folder, registry, timeout)
    return found


def trusted(registry: Registry, folder: Path) -> bool:
    """Tell whether the user trusts a folder as it is now; without kt-config nobody can say so, and it is not."""
    entry = registry.find("config", "is_trusted")
    return entry is not None and bool(entry.load()(folder))


def user_file() -> Path:
    above = os.environ.get("CLAUDE_CONFIG_DIR") or "~/.claude"
    return Path(above).expanduser() / NAMES[0]


def project_of(pwd: Path) -> tuple[Path | None, Path | None]:
    """Return (the nearest folder with settings, the repository), not beyond the repository nor up to the home folder.

    Each is None where there is none.
    """
    folder, home = None, Path.home()
    for here in (pwd, *pwd.parents):
        if here == home:
            break
        if folder is None and any((here / ".claude" / name).is_file() for name in NAMES):
            folder = here
        if (here / ".git").exists():
            return folder, here
    return folder, None


def _take_project(found: Found, folder: Path, registry: Registry, timeout: float) -> None:
    remarks: list[str] = []
    tables = [t for t in _tables([folder / ".claude" / name for name in NAMES], remarks) if t[1].get("hooks")]
    if any(table.get("disableAllHooks") for _, table in tables) or not (tables or remarks):
        return
    if trusted(registry, folder):
        found.watched = folder
        found.remarks += remarks
        _take(found, tables, timeout, project=True)
        return
    left_out = sum(len(parse(table["hooks"], timeout).hooks) for _, table in tables)
    if left_out:
        plural = "hook is" if left_out == 1 else "hooks are"
        found.remarks.append(
            f"{left_out} {plural} left out: {folder} is not trusted, or changed since (kt trust {folder})"
        )


def _take(found: Found, tables: list[tuple[Path, dict[str, Any]]], timeout: float, *, project: bool) -> None:
    for path, table in tables:
        parsed = parse(table.get("hooks") or {}, timeout, project=project)
        found.hooks += parsed.hooks
        found.remarks += [f"{path}: {why}" for why in parsed.left_out]


def _tables(paths: list[Path], remarks: list[str]) -> list[tuple[Path, dict[str, Any]]]:
    """Return what stands in those of the files that are there; what can't be read is a remark."""

    def tables() -> Iterator[tuple[Path, dict[str, Any]]]:
        for path in paths:
            try:
                if path.is_file():
                    yield path, _read(path)
            except (OSError, ValueError, RecursionError) as error:
                remarks.append(f"{path} can't be read, so its hooks are left out: {error}")

    return list(tables())


def _read(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        data = file.read(MAX_SIZE + 1)
    if len(data) > MAX_SIZE:
        raise ValueError(f"it has more than {MAX_SIZE:,} bytes")
    table = json.loads(data.decode("utf-8-sig"))
    if not isinstance(table, dict):
        raise ValueError("it is no JSON object")
    return table
