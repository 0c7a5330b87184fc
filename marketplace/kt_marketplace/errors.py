"""What can go wrong with what comes from elsewhere."""

from kt.errors import DataError, KTError


class Unreachable(KTError):
    """Say that an index, or a file it names, can't be reached."""

    code, exit_code = "E-UNREACHABLE", 69


class Tampered(DataError):
    """Say that bytes are not those that were pinned."""

    code = "E-TAMPERED"
