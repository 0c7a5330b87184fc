"""What can be wrong with a session file beyond what every file can have."""

from kt.errors import DataError, KTError


class SessionLocked(KTError):
    """Somebody else writes this session."""

    code, exit_code = "E-LOCKED", 75


class SessionDamaged(DataError):
    """A session file is not what was written: `where` is the file, the text names the first event that is wrong."""

    code = "E-DAMAGED"


class CannotCreate(KTError):
    """A session file can't be made where it should be."""

    code, exit_code = "E-CREATE", 73
