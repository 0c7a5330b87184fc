"""What can go wrong between an index and whoever reads it; see `install.errors` for what goes wrong with its files."""

from kt.errors import ConfigError, DataError, KTError


class IndexRefused(DataError):
    """Say why an index is not taken: what was accepted before stays."""

    code = "E-INDEX"


class BadSignature(KTError):
    """Say that an index is not signed by the key that its source is pinned to."""

    code, exit_code = "E-SIGNATURE", 77


class Ambiguous(ConfigError):
    """Say that two sources have a pack of one name, and how to choose."""

    code = "E-AMBIGUOUS"
