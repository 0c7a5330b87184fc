"""What can go wrong while packs are installed; until the switch nothing is changed."""

from kt.errors import ConfigError, KTError


class InstallFailed(KTError):
    """Say that a pack could not be installed or removed; nothing was changed."""

    code, exit_code = "E-INSTALL", 1


class Refused(KTError):
    """Say that a pack was refused: by its inspection, or because nobody said yes."""

    code, exit_code = "E-REFUSED", 77


class Busy(KTError):
    """Say that another process is installing packs."""

    code, exit_code = "E-BUSY", 75


class NotBuilt(ConfigError):
    """Say that the packs of kt.lock are not built for this Python."""

    code = "E-NOTBUILT"
