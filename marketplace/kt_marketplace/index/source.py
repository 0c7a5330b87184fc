"""A source: where an index comes from, the key it is pinned to, and its document as it was accepted last."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal, TypeAlias
from urllib.parse import urljoin, urlsplit

from kt.errors import DataError, KTError, NotFound, UsageError

from .. import transport
from . import strict
from .document import Document, key_of

Origin: TypeAlias = Literal["environment", "added", "official"]
PIN = "ed25519="


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where packs are found. `address` is a URL or the path of an index.json; `key` is None for what needs none.

    `error` says why there is no document; one that expired can be searched, not installed from.
    """

    name: str
    address: str
    origin: Origin
    key: bytes | None = None
    added: str = ""
    document: Document | None = None
    fetched: datetime | None = None
    error: KTError | None = None

    @property
    def usable(self) -> bool:
        """Tell whether packs may be installed from it now."""
        return self.document is not None and not self.document.expired()

    @property
    def fingerprint(self) -> str:
        """Return what people compare of its key; "" without one."""
        return fingerprint(self.key) if self.key is not None else ""

    def remark(self) -> str:
        """Return what a user should know before relying on it; "" where all is well."""
        if self.error is not None:
            return f"{self.name}: {self.error}"
        if self.document is not None and self.document.expired():
            day = f"{self.document.expires:%Y-%m-%d}"
            return f"{self.name}: its index expired on {day}, so nothing is installed from it: kt marketplace refresh"
        return ""

    def url_of(self, path: str) -> str:
        """Return the absolute address of a file that the document names; "" for one of the package index."""
        if not path or path.startswith("https://"):
            return path
        if is_url(self.address):
            return urljoin(self.address, path)
        return (Path(self.address).parent / path).as_uri()


def fingerprint(key: bytes) -> str:
    """Return the SHA-256 of a key in groups of four hexadecimal digits."""
    digest = hashlib.sha256(key).hexdigest()
    return " ".join(digest[i : i + 4] for i in range(0, len(digest), 4))


def is_url(address: str) -> bool:
    return "://" in address


def addressed(text: str, key: str | None = None) -> tuple[str, bytes | None]:
    """Return the address and the pinned key of `URL` or `PATH`, with `#ed25519=KEY` behind or the key beside.

    A folder, and a URL whose last part has no ending, mean the index.json in it. Raises UsageError, DataError.
    """
    address, _, pin = text.partition("#")
    if pin:
        if not pin.startswith(PIN):
            raise UsageError(f"{text!r}: after # stands {PIN}KEY")
        if key is not None and key != pin.removeprefix(PIN):
            raise UsageError("two different keys for one source")
        key = pin.removeprefix(PIN)
    pinned = None if key is None else key_of(key, where=f"the key of {address}")
    if is_url(address):
        parts = urlsplit(address)
        if "." not in parts.path.rpartition("/")[2] and not parts.query:
            address = f"{address.rstrip('/')}/index.json"
        return address, pinned
    path = Path(address).expanduser().resolve()
    return str(path / "index.json" if path.is_dir() else path), pinned


def contents(address: str, *, pinned: bool, seconds: float = transport.SECONDS) -> bytes:
    """Return the bytes of an index. Raises NotFound for a path, and what `transport.read` raises."""
    if is_url(address):
        return transport.read(address, pinned=pinned, seconds=seconds)
    try:
        with Path(address).open("rb") as file:
            data = file.read(strict.SIZE + 1)
    except OSError as error:
        raise NotFound(f"no index at {address}: {error.strerror}", hint="kt marketplace add URL|FOLDER") from None
    if len(data) > strict.SIZE:
        raise DataError(f"larger than {strict.SIZE >> 20} MiB", where=address)
    return data
