"""Sign an index: keys are Ed25519, in a PEM file (PKCS 8) that only its owner reads."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kt.errors import DataError, MissingPlugin, NotFound, UsageError

from . import strict
from .document import text_of

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


class SigningKey:
    """A key pair. `public` is the 32 bytes that a source is pinned to."""

    def __init__(self, key: "Ed25519PrivateKey") -> None:
        self._key = key
        self.public = key.public_key().public_bytes_raw()

    @classmethod
    def create(cls, file: Path) -> "SigningKey":
        """Make a key pair and write it to a new file. Raises UsageError where there is one, MissingPlugin."""
        serialization, ed25519 = _cryptography()
        key = ed25519.Ed25519PrivateKey.generate()
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        try:
            handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            raise UsageError(f"{file} is there already", hint="a key is never overwritten") from None
        except OSError as error:
            raise NotFound(f"can't write {file}: {error.strerror}") from None
        with os.fdopen(handle, "wb") as out:
            out.write(pem)
        return cls(key)

    @classmethod
    def load(cls, file: Path) -> "SigningKey":
        """Return the key pair of a file. Raises NotFound, MissingPlugin, and DataError for what is no such key."""
        serialization, ed25519 = _cryptography()
        try:
            data, mode = file.read_bytes(), file.stat().st_mode
        except OSError as error:
            raise NotFound(
                f"can't read the key {file}: {error.strerror}", hint="kt marketplace publish --new-key FILE"
            ) from None
        if os.name == "posix" and mode & 0o077:
            raise DataError("others may read this key", where=str(file), hint=f"chmod 600 {file}")
        try:
            key = serialization.load_pem_private_key(data, None)
        except (ValueError, TypeError):
            key = None
        if not isinstance(key, ed25519.Ed25519PrivateKey):
            raise DataError("no Ed25519 key in PEM, without a password", where=str(file))
        return cls(key)

    def sign(self, signed: Any) -> dict[str, str]:
        """Return the signature of a document's `signed`, as its list of signatures holds it."""
        return {"key": text_of(self.public), "signature": text_of(self._key.sign(strict.canonical(signed)))}


def _cryptography() -> tuple[Any, Any]:
    try:
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ed25519
    except ImportError:
        raise MissingPlugin("signing needs cryptography", hint="pip install 'kt-marketplace[publish]'") from None
    return serialization, ed25519
