"""Where sessions are, and which one a name means."""

import os
import re
from datetime import datetime
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING

from kt.errors import ConfigError, NotFound, UsageError, nearest

if TYPE_CHECKING:
    from kt import Plugins, Registry

SUFFIX = ".ktlog"


def folder(registry: "Registry") -> Path:
    """Return the folder of the user's sessions. Raises ConfigError where nothing says where the user's files are."""
    if (entry := registry.find("config", "home")) is not None:
        return Path(entry.load()()) / "sessions"
    if home := os.environ.get("KT_HOME"):
        return Path(home).expanduser() / "sessions"
    raise ConfigError("nothing says where sessions are kept", hint="pip install kt-config, or set KT_HOME")


def mint(where: Path, name: str, now: float) -> Path:
    """Return the path of a new session of a creature: date, time, name and four random letters."""
    stamp = datetime.fromtimestamp(now).strftime("%Y%m%d-%H%M%S")
    short = re.sub(r"[^\w-]+", "-", name).strip("-")[:40] or "agent"
    return where / f"{stamp}-{short}-{token_hex(2)}{SUFFIX}"


def listed(where: Path) -> list[Path]:
    """Return the sessions of a folder, newest first by what was last written."""
    return sorted(where.glob(f"*{SUFFIX}"), key=_changed, reverse=True)


def _changed(path: Path) -> float:
    files = (path, path.with_name(path.name + "-wal"))
    return max((f.stat().st_mtime for f in files if f.exists()), default=0.0)


def find(where: Path, name: str | Path | None) -> Path:
    """Return the session that a path, a name or the start of one means; None is the newest.

    Raises NotFound with the nearest names, and UsageError where several sessions are meant.
    """
    known = listed(where)
    if name is None:
        if not known:
            raise NotFound("there is no session yet", hint="kt run keeps one")
        return known[0]
    path = Path(name).expanduser()
    if path.is_file():
        return path
    if isinstance(name, Path) or os.sep in str(name):
        raise NotFound(f"there is no session {str(name)!r}", hint="kt sessions list")
    wanted = str(name).removesuffix(SUFFIX)
    found = [p for p in known if p.stem == wanted] or [
        p for p in known if p.stem.startswith(wanted) or p.stem.partition("-")[2].partition("-")[2].startswith(wanted)
    ]
    if len(found) > 1:
        raise UsageError(
            f"{wanted!r} means {len(found)} sessions", hint=f"write more of it: {', '.join(p.stem for p in found[:4])}"
        )
    if not found:
        raise NotFound(f"there is no session {wanted!r}", hint=nearest(wanted, [p.stem for p in known]))
    return found[0]


def load(registry: "Registry", name: str | Path | None) -> Path:
    """Return the user's session of a name; see `find`."""
    return find(folder(registry), name)


def located(plugins: "Plugins", session: str | Path) -> Path:
    """Return the file of a session: a path as it is, else the user's session of a name."""
    return session if isinstance(session, Path) and session.is_file() else load(plugins.registry, session)


def load_all(registry: "Registry") -> list[Path]:
    """Return all sessions of the user, newest first."""
    return listed(folder(registry))
