"""The tokens of a login: their file, and their refresh, of which a token allows one.

Whoever refreshes holds a lock between processes and reads the file again under it: another may have been first.
"""

import asyncio
import base64
import binascii
import json
import os
import secrets
import stat
import sys
from collections.abc import Coroutine
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from kt.errors import ConfigError, KeyRefused, ModelError, ProviderDown

from .lock import locked
from .oauth import AGAIN, grant, is_token, issuer_of

if TYPE_CHECKING:
    from kt import Host

NAME = "codex.json"
VERSION = 1
EARLY = 300.0
"""Seconds before its end at which a token is refreshed."""
GRACE = 5.0
"""Seconds that a cancelled refresh may still take: the old token is spent, the new one not yet in the file."""
MAX_SIZE = 64 << 10
KEYS = {"version", "issuer", "account_id", "access_token", "refresh_token"}
CLAIMS = "https://api.openai.com/auth"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Tokens:
    """One login. `issuer` is "" for the default one."""

    access: str = field(repr=False)
    refresh: str = field(repr=False)
    account: str
    issuer: str = ""

    @property
    def expires(self) -> float | None:
        """Return when the access token ends, in seconds since the epoch; None where it does not say."""
        end = claims(self.access).get("exp")
        return float(end) if isinstance(end, int | float) and not isinstance(end, bool) else None


def claims(token: str) -> dict[str, Any]:
    """Return what a JWT says, unverified (it came from its issuer, over TLS); empty for what is no JWT."""
    try:
        payload = token.split(".")[1]
        found = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (IndexError, ValueError, binascii.Error, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def tokens_of(granted: dict[str, Any], issuer: str, old: Tokens | None = None) -> Tokens:
    """Return the login that the issuer granted; what it leaves out stays as it was. Raises ModelError."""
    access, refresh = granted["access_token"], granted.get("refresh_token") or (old.refresh if old else "")
    account: Any = old.account if old else ""
    for token in (granted.get("id_token"), access):
        told = claims(token).get(CLAIMS) if isinstance(token, str) else None
        account = account or (told.get("chatgpt_account_id") if isinstance(told, dict) else "")
    if not is_token(refresh):
        raise ModelError("the login service gave no token to refresh with", where=issuer, hint=AGAIN)
    if not is_token(account):
        raise ModelError("the login names no ChatGPT account", where=issuer, hint="log in with an account that has one")
    return Tokens(access, refresh, account, issuer)


def folder_of(host: "Host") -> Path:
    """Return the folder of the user's settings. Raises ConfigError where nothing says which it is."""
    if (entry := host.registry.find("config", "home")) is not None:
        return Path(entry.load()())
    if home := os.environ.get("KT_HOME"):
        return Path(home).expanduser()
    raise ConfigError("nothing says where a login is kept", hint="pip install kt-config, or set KT_HOME")


class TokenFile:
    """The file with a login, private to its user, replaced as a whole or not at all."""

    def __init__(self, host: "Host", path: Path | None = None) -> None:
        self._host = host
        self.path = folder_of(host) / NAME if path is None else path

    def lock(self) -> AbstractAsyncContextManager[None]:
        """Return the lock to hold while the file is changed; it makes the folder."""
        self._make_folder()
        return locked(self.path.with_name(self.path.name + ".lock"))

    def read(self) -> Tokens:
        """Return the login. Raises ConfigError where there is none, others can read it, or it is damaged."""
        try:
            text = self._text()
        except FileNotFoundError:
            raise ConfigError("no ChatGPT login", where=str(self.path), hint="kt login codex") from None
        except OSError as error:
            raise ConfigError(f"the login can't be read: {error.strerror}", where=str(self.path), hint=AGAIN) from error
        try:
            table = json.loads(text)
        except (ValueError, RecursionError):
            table = None
        if not isinstance(table, dict) or table.get("version") != VERSION or not table.keys() <= KEYS:
            raise self._damaged()
        access, refresh, account = (table.get(name) for name in ("access_token", "refresh_token", "account_id"))
        issuer = table.get("issuer", "")
        if not (is_token(access) and is_token(refresh) and is_token(account)) or not isinstance(issuer, str):
            raise self._damaged()
        return Tokens(access, refresh, account, issuer)

    def _damaged(self) -> ConfigError:
        return ConfigError("the file with the ChatGPT login is damaged", where=str(self.path), hint=AGAIN)

    def _text(self) -> bytes:
        handle = os.open(self.path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
        with os.fdopen(handle, "rb") as file:
            mode = os.fstat(handle).st_mode
            if not stat.S_ISREG(mode):
                raise self._damaged()
            if sys.platform != "win32" and mode & 0o077:
                what = f"others can read the ChatGPT login (mode {stat.S_IMODE(mode):04o})"
                raise ConfigError(what, where=str(self.path), hint=f"chmod 600 {self.path}")
            return file.read(MAX_SIZE)

    def write(self, tokens: Tokens) -> None:
        """Replace the login; call it under the lock. Raises ConfigError, the old file being whole then."""
        table = {"version": VERSION, "issuer": tokens.issuer, "account_id": tokens.account}
        table |= {"access_token": tokens.access, "refresh_token": tokens.refresh}
        path = self.path
        draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
        try:
            self._make_folder()
            for left in path.parent.glob(f".{path.name}.*.tmp"):
                left.unlink(missing_ok=True)  # of a process that died in the middle
            try:
                _put(draft, json.dumps(table, indent=1).encode() + b"\n")
                draft.replace(path)
            finally:
                draft.unlink(missing_ok=True)
            _settle(path.parent)
        except OSError as error:
            raise ConfigError(f"the login can't be saved: {error.strerror}", where=str(path)) from error

    def delete(self) -> bool:
        """Remove the login; call it under the lock. Return whether there was one."""
        try:
            self.path.unlink()
        except FileNotFoundError:
            return False
        return True

    def _make_folder(self) -> None:
        folder = self.path.parent
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            mode = folder.stat().st_mode
            if sys.platform != "win32" and mode & 0o022 and not mode & stat.S_ISVTX:
                folder.chmod(stat.S_IMODE(mode) & ~0o022)  # else others could put their login in the place of this one
        except OSError as error:
            what = f"the folder for the login can't be made safe: {error.strerror}"
            raise ConfigError(what, where=str(folder), hint="set KT_HOME to a folder of your own") from error

    async def fresh(self, refused: Tokens | None = None) -> Tokens:
        """Return a login that is good for some minutes, refreshed if need be; `refused` is one the service refused.

        Raises ConfigError without a login, KeyRefused where the refresh is refused, ProviderDown.
        """
        tokens = self.read()
        if not self._stale(tokens, refused):
            return tokens
        async with self.lock():
            tokens = self.read()
            if self._stale(tokens, refused):
                tokens = await _to_its_end(self._refreshed(tokens, refused))
        return tokens

    def _stale(self, tokens: Tokens, refused: Tokens | None) -> bool:
        if refused is not None and tokens.access == refused.access:
            return True
        return tokens.expires is not None and tokens.expires - self._host.clock.time() < EARLY

    async def _refreshed(self, tokens: Tokens, refused: Tokens | None) -> Tokens:
        """Return and write the next login; where the token was spent by somebody without the lock, take theirs."""
        while True:
            issuer = issuer_of(tokens.issuer)
            form = {"grant_type": "refresh_token", "refresh_token": tokens.refresh}
            spare = refused is None and (tokens.expires or 0.0) > self._host.clock.time()
            try:
                found = tokens_of(await grant(self._host, issuer, form, tries=1 if spare else 3), issuer, tokens)
            except KeyRefused:
                newer = self.read()
                if newer.refresh == tokens.refresh:
                    raise
                if not self._stale(newer, refused):
                    return newer
                tokens = newer
            except ProviderDown:
                if spare:
                    return tokens  # it is good for some minutes yet: that is why it is refreshed early
                raise
            else:
                self.write(found)
                return found


async def _to_its_end(work: Coroutine[Any, Any, T]) -> T:
    """Return what `work` returns; a cancellation waits for its end, GRACE seconds at most."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task], timeout=GRACE)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)  # what counts is the cancellation
        raise


def _put(file: Path, data: bytes) -> None:
    """Write a new file that only its user can read, down to the disk."""
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0), 0o600)
    with os.fdopen(handle, "wb") as opened:
        if sys.platform != "win32":
            os.fchmod(handle, 0o600)  # whatever the umask is
        opened.write(data)
        opened.flush()
        os.fsync(handle)


def _settle(folder: Path) -> None:
    """Bring the folder's entry down to the disk, where a folder can be opened for that."""
    if sys.platform != "win32":
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
