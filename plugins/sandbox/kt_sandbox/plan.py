"""What one process may reach, worked out anew for each: folders, protected paths, environment, hosts."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .hosts import HostList
from .settings import Limits, home

PASSED = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TERM", "TZ", "COLORTERM", "NO_COLOR", "SOURCE_DATE_EPOCH")


@dataclass(slots=True, frozen=True)
class Plan:
    """What a process may reach. All paths are real and absolute; `cwd` lies in one of `reads` or `writes`.

    `fixed` paths are read but never changed, `kept` ones (repositories) never moved away, `hidden` ones are not there;
    `env` is the whole environment.
    """

    cwd: Path
    reads: tuple[Path, ...]
    writes: tuple[Path, ...]
    fixed: tuple[Path, ...]
    kept: tuple[Path, ...]
    hidden: tuple[Path, ...]
    env: Mapping[str, str]
    hosts: HostList
    limits: Limits
    proxy: Path | None = None


def environment(secrets: tuple[str, ...], extra: Mapping[str, str] | None) -> dict[str, str]:
    """Return the environment of a program: a few harmless variables, the granted secrets, and what the tool adds."""
    kept = {name: os.environ[name] for name in (*PASSED, *secrets) if name in os.environ}
    return {"PATH": "/usr/local/bin:/usr/bin:/bin", **kept, "HOME": str(home()), **(extra or {})}
