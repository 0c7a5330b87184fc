"""Names of creatures and channels: they stand in other creatures' prompts, and before questions to the user."""

import re

from kt.errors import ConfigError

NAME = re.compile(r"[\w.-]{1,150}")


def checked_name(name: str, what: str) -> str:
    """Return a name that can't say anything else. Raises ConfigError for another one."""
    if not NAME.fullmatch(name):
        raise ConfigError(f"{name[:70]!r} is no name for a {what}", hint="letters, digits, . _ - and nothing else")
    return name
