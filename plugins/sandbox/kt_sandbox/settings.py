"""What a user grants to tools, and what no grant opens."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Literal, TypeAlias

Level: TypeAlias = Literal["full", "partial", "none"]
LEVELS: tuple[Level, ...] = ("none", "partial", "full")
"""From the weakest to the strongest."""

HOME_SECRETS = (".ssh", ".aws", ".gnupg", ".netrc", ".config/gcloud", ".azure", ".kube", ".docker", ".git-credentials")
SHELL_FILES = (".bashrc", ".bash_profile", ".profile", ".zshrc", ".zshenv", ".config/fish", ".config/autostart")
XDG = {"XDG_CONFIG_HOME": "~/.config", "XDG_STATE_HOME": "~/.local/state", "XDG_DATA_HOME": "~/.local/share"}

RUNS_BY_ITSELF = (
    *(".github/workflows/*", ".gitlab-ci.yml", ".circleci/*", "Jenkinsfile", ".pre-commit-config.yaml", ".husky/*"),
    *(".envrc", ".vscode/*", ".idea/*", ".devcontainer/*", "*.pth", "sitecustomize.py", "usercustomize.py"),
)
"""Patterns of files that something runs without anybody starting it: file tools write these only after a yes."""


@dataclass(slots=True)
class Limits:
    """Bound what one call may take: bytes in MiB, processes and threads together."""

    memory_mb: int = 4096
    processes: int = 512
    file_mb: int = 1024
    disk_mb: int = 2048
    open_files: int = 1024


@dataclass(slots=True)
class Settings:
    """Say what the sandbox must be and what tools are granted; `[profile.NAME.config.sandbox]` in TOML.

    `require` is the least level for tools that execute. `reads` and `writes` are folders beside the working folder.
    `net` are hosts: "example.com", "*.example.com", "example.com:8443", "*", each with "=ADDRESS[:PORT]" to say where
    it is. `secrets` are environment variables that programs get, `protect` more paths that nothing may change.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}
    require: Level = "partial"
    backend: str = "auto"
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    net: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    protect: tuple[str, ...] = ()
    limits: Limits = field(default_factory=Limits)


def home() -> Path:
    return Path(os.path.expanduser("~"))  # noqa: PTH111  no error where the home folder is unknown


def own_folders() -> list[Path]:
    """Return our own folders: $KT_HOME, and those for configuration, state and data."""
    named = [k] if (k := os.environ.get("KT_HOME")) else []
    above = (os.environ.get(variable) or folder for variable, folder in XDG.items())
    return [Path(os.path.expanduser(f)) for f in (*named, *(f"{a}/kterrarium" for a in above))]  # noqa: PTH111  as in home


def hidden_paths() -> list[Path]:
    """Return what tools never see, whatever is granted: keys, credentials, our own folders."""
    return [*(home() / name for name in HOME_SECRETS), *own_folders()]
