"""Where things live: $KT_HOME, or the platform's own folders."""

import os
from pathlib import Path

APP = "kterrarium"


def config_folder() -> Path:
    """Return $KT_HOME, or the platform's configuration folder."""
    if home := os.environ.get("KT_HOME"):
        return Path(home).expanduser()
    import platformdirs

    return platformdirs.user_config_path(APP)


def config_file() -> Path:
    return config_folder() / "config.toml"
