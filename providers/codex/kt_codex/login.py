"""kt login codex: log in with ChatGPT in a browser, or with a code on another device; and log out."""

import argparse
import asyncio
import base64
import functools
import hashlib
import secrets
import threading
import webbrowser
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import urlencode

from kt.errors import KeyRefused, KTError, UsageError
from kt_http.errors import HttpError

from .callback import PORTS, Callback
from .device import by_device
from .oauth import CLIENT_ID, ORIGINATOR, grant, issuer_of, post
from .tokens import TokenFile, tokens_of

if TYPE_CHECKING:
    from kt import Host

PATIENCE = 15 * 60.0
SCOPE = "openid profile email offline_access"
NOTE = "This login uses the client id of OpenAI's Codex CLI; docs/codex.md says what that means."

show = functools.partial(print, flush=True)
"""Print at once: a reader at the other end of a pipe has to act on it."""


async def login(
    host: "Host",
    device: bool = False,
    *,
    file: Path | None = None,
    issuer: str | None = None,
    say: Callable[[str], object] = show,
    open_url: Callable[[str], object] | None = webbrowser.open,
    ports: Sequence[int] = PORTS,
    patience: float = PATIENCE,
) -> Path:
    """Log in and return the file that holds the tokens; wait `patience` seconds for the user.

    `say` shows what the user is to do, `open_url` opens a browser (None: it is not opened). Raises KeyRefused where
    the login is refused or takes too long, ProviderDown where the service can't be reached, ConfigError.
    """
    source, tokens = issuer_of(issuer), TokenFile(host, file)
    async with tokens.lock():
        pass  # that it can be written is known before the user goes to work
    if device:
        granted = await by_device(host, source, say, patience)
    else:
        granted = await _by_browser(host, source, say, open_url, ports, patience)
    found = tokens_of(granted, source)
    async with tokens.lock():
        tokens.write(found)
    return tokens.path


async def logout(host: "Host", *, file: Path | None = None) -> bool:
    """Forget the login, and ask its issuer to do so too; return whether there was one.

    The file is gone in any case. Raises KTError where the issuer did not take the token back.
    """
    tokens = TokenFile(host, file)
    if not tokens.path.exists() and not tokens.path.is_symlink():
        return False
    async with tokens.lock():
        try:
            known = tokens.read()
        except KTError:
            known = None  # damaged: it can still be removed
        there = tokens.delete()
    if known is not None:
        await _revoke(host, issuer_of(known.issuer), known.refresh)
    return there


async def _revoke(host: "Host", issuer: str, token: str) -> None:
    asked = {"token": token, "token_type_hint": "refresh_token", "client_id": CLIENT_ID}
    why = ""
    try:
        answer = await post(host, f"{issuer}/oauth/revoke", data=asked)
        if answer.status >= 300:
            why = f"HTTP {answer.status}"
    except HttpError as error:
        why = error.what
    if why:
        what = f"the login is removed here, but the service did not take its token back ({why})"
        raise KTError(what, where=issuer, hint="end the session in the settings of ChatGPT")


async def _by_browser(
    host: "Host",
    issuer: str,
    say: Callable[[str], object],
    open_url: Callable[[str], object] | None,
    ports: Sequence[int],
    patience: float,
) -> dict[str, Any]:
    verifier, state = secrets.token_urlsafe(64), secrets.token_urlsafe(32)
    async with Callback(state, ports) as callback:
        url = _authorize_url(issuer, callback.address, verifier, state)
        say(f"Log in with ChatGPT in your browser. If none opens, go to this address, on this machine:\n\n  {url}\n\n"
            "From another machine: kt login codex --device")  # fmt: skip
        if open_url is not None:
            threading.Thread(target=_open, args=(open_url, url), daemon=True).start()  # it may not come back
        try:
            async with asyncio.timeout(patience):
                code = await callback.code
        except TimeoutError:
            raise KeyRefused(f"nobody logged in within {patience / 60:g} minutes", hint="kt login codex") from None
        redirect = callback.address
    form = {"grant_type": "authorization_code", "code": code, "code_verifier": verifier, "redirect_uri": redirect}
    return await grant(host, issuer, form)


def _authorize_url(issuer: str, redirect: str, verifier: str, state: str) -> str:
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    query = {
        "response_type": "code",
        "client_id": CLIENT_ID,
        "redirect_uri": redirect,
        "scope": SCOPE,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
        "id_token_add_organizations": "true",
        "codex_cli_simplified_flow": "true",
        "state": state,
        "originator": ORIGINATOR,
    }
    return f"{issuer}/oauth/authorize?{urlencode(query)}"


def _open(open_url: Callable[[str], object], url: str) -> None:
    with suppress(OSError, webbrowser.Error):  # the address is on the screen
        open_url(url)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(message, hint="kt login codex --help")


def _parser() -> _Parser:
    parser = _Parser(
        prog="kt login codex", description="Log in with ChatGPT, for the provider codex.", epilog=NOTE, add_help=False
    )
    parser.usage = "kt login codex [--device | --logout] [--no-browser]"
    way = parser.add_mutually_exclusive_group()
    way.add_argument("--device", action="store_true", help="show a code to enter on another device")
    way.add_argument("--logout", action="store_true", help="forget the login, here and at the service")
    parser.add_argument("--no-browser", action="store_true", help="show the address and open no browser")
    parser.add_argument("--help", "-h", action="store_true", help="show this and exit")
    return parser


def main(argv: list[str]) -> int:
    """Run kt login codex; return its exit code."""
    parser = _parser()
    given = parser.parse_args(argv)
    if given.help:
        text = parser.format_help()
        print("U" + text[1:], end="")
        return 0
    return asyncio.run(_run(given))


async def _run(given: argparse.Namespace) -> int:
    from kt import Host

    async with Host() as host:
        if given.logout:
            show("Logged out." if await logout(host) else "There was no login.")
            return 0
        show(NOTE)
        path = await login(host, given.device, open_url=None if given.no_browser else webbrowser.open)
        show(f"Logged in with ChatGPT; the login is kept in {path}. Use it: kt run --model codex/MODEL")
    return 0
