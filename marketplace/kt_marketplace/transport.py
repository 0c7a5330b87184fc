"""Fetch over HTTP what an index is made of: bounded in bytes and in time, never from https down to http."""

import hashlib
import os
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import closing, contextmanager
from http.client import HTTPException, HTTPMessage, HTTPResponse
from ipaddress import ip_address
from pathlib import Path
from typing import IO, Any, TypeAlias
from urllib.error import HTTPError, URLError
from urllib.parse import unquote, urlsplit, urlunsplit
from urllib.request import (
    HTTPDefaultErrorHandler,
    HTTPErrorProcessor,
    HTTPHandler,
    HTTPRedirectHandler,
    HTTPSHandler,
    OpenerDirector,
    ProxyHandler,
    Request,
    url2pathname,
)

from kt.errors import ConfigError, KTError

from .errors import Tampered, Unreachable
from .progress import Bar

Body: TypeAlias = tuple[Iterator[bytes], int | None]
"""Chunks, and how many bytes they have in all, where that is known."""
CHUNK = 64 * 1024
INDEX_SIZE, FILE_SIZE = 32 << 20, 300 << 20
"""Bytes of an index, and of a file whose size nobody said."""
SILENCE = 15.0
SECONDS, FILE_SECONDS = 30.0, 600.0
CACHED = "what was fetched before can be searched: kt marketplace search"


def read(url: str, *, pinned: bool = False, size: int = INDEX_SIZE, seconds: float = SECONDS) -> bytes:
    """Return what an https address holds; http is for this machine, or `pinned`: its content is signed.

    Raises Unreachable where nothing comes in time or KT_OFFLINE forbids it, Tampered for more than `size` bytes, and
    ConfigError for an address that may not be asked.
    """
    check(url, pinned=pinned)
    with _answer(url, pinned=pinned, seconds=seconds) as (chunks, length), Bar(url.partition("?")[0], length) as bar:
        return b"".join(bar.over(_bounded(chunks, size, url)))


def fetch(url: str, sha256: str, into: Path, *, size: int | None = None, seconds: float = FILE_SECONDS) -> Path:
    """Return the file `into`, which an https, http or file address held; it is there only if its bytes are right.

    Raises Tampered for another size or SHA-256, and what `read` raises. Over http too: the digest says what it must be.
    "user:password@" in the address goes to its host, and not to where that leads.
    """
    part = into.with_name(f"{into.name}.part")
    shown = urlunsplit(urlsplit(url)._replace(netloc=urlsplit(url).netloc.rpartition("@")[2]))
    digest, got = hashlib.sha256(), 0
    try:
        with _source(url, seconds) as (chunks, length), part.open("wb") as file, Bar(into.name, size or length) as bar:
            for chunk in bar.over(_bounded(chunks, size or FILE_SIZE, shown)):
                digest.update(chunk)
                got += file.write(chunk)
        if size is not None and got != size:
            raise Tampered(f"{into.name} has {got} bytes, its index says {size}", where=shown)
        if digest.hexdigest() != sha256:
            raise Tampered(
                f"{into.name} is not the file that its index names: sha256 {digest.hexdigest()}, not {sha256}",
                where=shown,
                hint="don't install it; tell the publisher",
            )
        part.replace(into)
    finally:
        part.unlink(missing_ok=True)
    return into


def check(url: str, *, pinned: bool) -> None:
    """Raise ConfigError for an address that may not be asked, and Unreachable where KT_OFFLINE forbids asking."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        host, parts = "", urlsplit("")
    if parts.scheme not in ("https", "http") or not host or parts.username is not None:
        raise ConfigError(f"{url!r} is no address of an index", hint="https://host/index.json, or a folder")
    if parts.scheme == "http" and not pinned and not is_loopback(host):
        raise ConfigError(
            f"{url} is http: anybody on the way could change it", hint="use https, or pin its key: #ed25519=KEY"
        )
    if os.environ.get("KT_OFFLINE", "") not in ("", "0"):
        raise Unreachable(f"KT_OFFLINE forbids asking {host}", hint=CACHED)


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class _Redirects(HTTPRedirectHandler):
    """Follow to where one may ask, and from https only to https."""

    max_redirections = 5

    def __init__(self, *, pinned: bool) -> None:
        self.pinned = pinned

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> Request | None:
        try:
            if req.type == "https" and urlsplit(newurl).scheme != "https":
                raise ConfigError(f"{req.full_url} leads from https to {newurl}", hint="tell its publisher")
            check(newurl, pinned=self.pinned)
        except KTError:
            fp.close()
            raise
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _opener(url: str, *, pinned: bool) -> OpenerDirector:
    """Return what opens http and https, and no files or ftp as the default one does."""
    opener = OpenerDirector()
    proxies: dict[str, str] | None = {} if is_loopback(urlsplit(url).hostname or "") else None
    handlers = (HTTPHandler(), HTTPSHandler(), HTTPDefaultErrorHandler(), HTTPErrorProcessor())
    for handler in (ProxyHandler(proxies), _Redirects(pinned=pinned), *handlers):
        opener.add_handler(handler)
    return opener


@contextmanager
def _answer(url: str, *, pinned: bool, seconds: float, login: str = "") -> Iterator[Body]:
    """Yield the body of an answer; `login` is "user:password" as a URL has it."""
    end = time.monotonic() + seconds
    request = Request(url, headers={"User-Agent": "kterrarium", "Accept-Encoding": "identity"})
    if login:
        request.add_unredirected_header("Authorization", f"Basic {b64encode(unquote(login).encode()).decode()}")
    opener = _opener(url, pinned=pinned)
    with _told(url, seconds):
        response = _within(seconds, lambda: opener.open(request, timeout=min(SILENCE, seconds)))
    with closing(response):
        yield _chunks(response, url, seconds, end), response.length


def _chunks(response: HTTPResponse, url: str, seconds: float, end: float) -> Iterator[bytes]:
    while True:
        with _told(url, seconds):
            # read1 returns what one receive brought, so that bytes which drip in are counted against the time as well.
            chunk = response.read1(CHUNK)
            if time.monotonic() > end:
                raise TimeoutError
        if not chunk:
            return
        yield chunk


@contextmanager
def _told(url: str, seconds: float) -> Iterator[None]:
    """Make Unreachable of what fails between here and a server."""
    host = urlsplit(url).netloc
    late = f"{host} was too slow: not there within {seconds:g} seconds"
    try:
        yield
    except HTTPError as error:
        error.close()
        raise Unreachable(f"{host} answered {error.code} {error.reason}", where=url, hint=CACHED) from None
    except TimeoutError:
        raise Unreachable(late, where=url, hint=CACHED) from None
    except (HTTPException, OSError) as error:
        reason = error.reason if isinstance(error, URLError) else error
        what = late if isinstance(reason, TimeoutError) else f"can't reach {host}: {reason}"
        raise Unreachable(what, where=url, hint=CACHED) from None


def _within(seconds: float, work: Callable[[], Any]) -> Any:
    """Return what `work` returns, or raise TimeoutError: a server may send its headers byte by byte, for ever."""
    future: Future[Any] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=run, daemon=True, name="kt-fetch").start()
    try:
        return future.result(seconds)
    except TimeoutError:
        future.add_done_callback(lambda f: None if f.exception() else f.result().close())
        raise


def _bounded(chunks: Iterator[bytes], size: int, url: str) -> Iterator[bytes]:
    got = 0
    for chunk in chunks:
        got += len(chunk)
        if got > size:
            raise Tampered(f"{urlsplit(url).path.rpartition('/')[2]} is larger than {size} bytes", where=url)
        yield chunk


@contextmanager
def _source(url: str, seconds: float) -> Iterator[Body]:
    """Yield what a file's address holds: of this machine, or of the web."""
    if not url.startswith("file://"):
        parts = urlsplit(url)
        bare = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
        check(bare, pinned=True)
        with _answer(bare, pinned=True, seconds=seconds, login=parts.netloc.rpartition("@")[0]) as body:
            yield body
        return
    try:
        with Path(url2pathname(urlsplit(url).path)).open("rb") as file:
            yield iter(lambda: file.read(CHUNK), b""), os.fstat(file.fileno()).st_size
    except OSError as error:
        raise Unreachable(f"can't read the file: {error.strerror}", where=url) from None
