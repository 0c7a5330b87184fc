"""The settings of the guard, and where it keeps the answers that are for always."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

Mode: TypeAlias = Literal["plan", "ask", "accept-edits", "auto"]
MODES: tuple[Mode, ...] = ("plan", "ask", "accept-edits", "auto")


@dataclass(slots=True)
class PermissionsConfig:
    """Say what is asked about.

    `mode`: plan (nothing changes, nothing runs), ask (about all that acts), accept-edits (what is granted passes), auto
    (everything passes but what a rule denies or asks about). `deny`, `ask` and `allow` are rules.
    `trusted_origins` do not taint a conversation. `allow_unsandboxed` lets programs run without walls.
    """

    mode: Mode = "accept-edits"
    deny: tuple[str, ...] = ()
    ask: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()
    trusted_origins: tuple[str, ...] = ()
    allow_unsandboxed: bool = False


def approvals_file() -> Path:
    """Return the file of the answers for always, beside the user's configuration."""
    above = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    return Path(os.environ.get("KT_HOME") or f"{above}/kterrarium").expanduser() / "approvals.jsonl"
