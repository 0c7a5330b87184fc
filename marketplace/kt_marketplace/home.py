"""Where the marketplace keeps its files."""

import os
from pathlib import Path


def home() -> Path:
    """Return $KT_HOME, or the folder of the user's settings: $XDG_CONFIG_HOME/kterrarium, by default ~/.config."""
    above = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    return Path(os.environ.get("KT_HOME") or f"{above}/kterrarium").expanduser()
