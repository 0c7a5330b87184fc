"""Get a file whose digest is known: nothing else is ever kept."""

import base64
import shutil
from hashlib import sha256
from pathlib import Path
from urllib.error import URLError
from urllib.parse import unquote, urlsplit, urlunsplit
from urllib.request import Request, url2pathname, urlopen

from .errors import Tampered, Unreachable
from .uv import OFFLINE, offline

LARGEST = 300 << 20
PATIENCE = 60.0
"""Bytes of a wheel, and seconds without one, at most."""


def fetch(url: str, digest: str, into: Path) -> Path:
    """Write what is at `url` to the file `into`; return it. Raises Unreachable, and Tampered for other bytes."""
    parts = urlsplit(url)
    if parts.scheme == "file":
        source = Path(url2pathname(parts.path))
        try:
            shutil.copyfile(source, into)
        except OSError as error:
            raise Unreachable(f"can't read {source}: {error.strerror}") from error
    else:
        _download(url, into)
    found = sha256(into.read_bytes()).hexdigest()
    if found != digest:
        into.unlink()
        raise Tampered(f"{into.name} has the SHA-256 {found}, expected {digest}", where=_shown(url))
    return into


def _download(url: str, into: Path) -> None:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https"):
        raise Unreachable(f"{parts.scheme}: is no address to fetch from", where=_shown(url))
    if offline():
        raise Unreachable(f"{into.name} is not here, and ${OFFLINE} forbids the network", where=_shown(url))
    host = parts.netloc.rpartition("@")[2]
    request = Request(urlunsplit(parts._replace(netloc=host)), headers={"User-Agent": "kt", **_credentials(url)})
    got = 0
    try:
        with urlopen(request, timeout=PATIENCE) as answer, into.open("wb") as file:
            while chunk := answer.read(1 << 16):
                got += len(chunk)
                if got > LARGEST:
                    raise Unreachable(f"{into.name} is larger than {LARGEST >> 20} MiB", where=_shown(url))
                file.write(chunk)
    except (URLError, OSError) as error:
        reason = getattr(error, "reason", None) or error
        raise Unreachable(f"can't fetch {into.name}: {reason}", where=_shown(url)) from error


def _credentials(url: str) -> dict[str, str]:
    """Return the header for "user:password@" in a URL, which uv's indexes may have."""
    parts = urlsplit(url)
    if parts.username is None:
        return {}
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}


def _shown(url: str) -> str:
    """Return a URL without what is secret in it."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment=""))
