"""Where the user's settings are: $KT_HOME, or kterrarium in $XDG_CONFIG_HOME (~/.config)."""

import os
from pathlib import Path


def config_folder() -> Path:
    above = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    return Path(os.environ.get("KT_HOME") or f"{above}/kterrarium").expanduser()


def config_file() -> Path:
    return config_folder() / "config.toml"
