"""Tokens that prove who sends input: given, or made and kept in a private file."""

import hmac
import ipaddress
import os
import re
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path

from kt import Agent
from kt.errors import ConfigError, DataError

from .settings import path_below

VISIBLE = re.compile(r"[!-~]+")


@dataclass(slots=True)
class Token:
    """A token, and the file that has it, if any."""

    value: str
    file: Path | None = None

    def __repr__(self) -> str:
        return "Token(***)"

    def fits(self, shown: str) -> bool:
        """Tell whether this is the token, in a time that says nothing about where they differ."""
        return hmac.compare_digest(self.value.encode(), shown.encode("utf-8", "replace"))


def is_loopback(host: str, where: str) -> bool:
    """Tell whether only this machine reaches an address. Raises ConfigError for what is none."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        raise ConfigError(f"{host!r} is no address", where=where, hint="127.0.0.1, ::1 or 0.0.0.0") from None


def chosen_token(agent: Agent, value: str | None, file: str | None, where: str) -> Token | None:
    """Return the token that settings give, or name the file of; None where they do neither.

    Raises ConfigError where they do both, or the token is empty or has spaces or more than ASCII.
    """
    if value is not None and file is not None:
        raise ConfigError("there are a token and a token_file", where=where, hint="leave out one")
    if file is not None:
        return kept_token(path_below(agent, file), where)
    if value is not None and not VISIBLE.fullmatch(value):
        raise ConfigError("a token is one word of visible ASCII characters", where=where)
    return None if value is None else Token(value)


def kept_token(path: Path, where: str) -> Token:
    """Return the token that a file has; a file that is not there is made, with a new token, for its user alone.

    Raises ConfigError for a file that others can read or that can't be made, DataError for one that has no token.
    """
    try:
        try:
            text = _read(path, where)
        except FileNotFoundError:
            _make(path)
            text = _read(path, where)
    except OSError as error:
        raise ConfigError(f"can't keep a token in {str(path)!r}: {error.strerror}", where=where) from error
    if not VISIBLE.fullmatch(text):
        raise DataError("this file has no token", where=str(path), hint="delete it, and a new one is made")
    return Token(text, path)


def _read(path: Path, where: str) -> str:
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(fd, "rb") as file:
        info = os.fstat(fd)
        if not stat.S_ISREG(info.st_mode) or info.st_uid != os.geteuid() or info.st_mode & 0o077:
            raise ConfigError("others may know this token", where=f"{where}: {path}", hint=f"chmod 600 {path}")
        return file.read(4096).decode("ascii", "replace").strip()


def _make(path: Path) -> None:
    """Make the file whole or not at all, so that nobody reads half a token; who comes second uses the first one's."""
    new = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(fd, "w") as file:
            file.write(secrets.token_urlsafe(32) + "\n")
        os.link(new, path)
    except FileExistsError:
        pass
    finally:
        new.unlink()


def default_file(agent: Agent, where: str) -> Path:
    """Return where the token of a creature's inputs is kept: in the user's own folder of settings, which is made.

    Raises ConfigError where nothing says which folder that is.
    """
    if (entry := agent.host.registry.find("config", "home")) is not None:
        home = Path(entry.load()())
    elif "KT_HOME" in os.environ:
        home = Path(os.environ["KT_HOME"]).expanduser()
    else:
        raise ConfigError("nothing says where to keep a token", where=where, hint="set token_file")
    folder = home / "tokens"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"can't keep a token in {str(folder)!r}: {error.strerror}", where=where) from error
    return folder / (re.sub(r"[^\w-]", "_", agent.name) or "_")
