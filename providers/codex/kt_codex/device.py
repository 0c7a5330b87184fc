"""The device login: the user enters a code on another device, and this one asks until that is done."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from kt.errors import ConfigError, KeyRefused, ModelError
from kt_http.errors import HttpError, Transient, wait_asked

from .oauth import CLIENT_ID, Answer, down, grant, post, refusal

if TYPE_CHECKING:
    from kt import Host

PENDING = (403, 404)
SLOWER = 5.0
"""Seconds that are added to the interval where the issuer asks to slow down (RFC 8628)."""
SHORTEST, LONGEST = 1.0, 60.0
NO, EXPIRED = "access_denied", "expired_token"


async def by_device(host: "Host", issuer: str, say: Callable[[str], object], patience: float) -> dict[str, Any]:
    """Show a code and return the tokens that were granted once the user has entered it, `patience` seconds at most.

    Raises KeyRefused where the user refuses or waits too long, ConfigError where the issuer has no such login.
    """
    end = host.clock.time() + patience
    id, code, interval = await _begin(host, issuer)
    page = f"{issuer}/codex/device"
    say(f"Open {page} in a browser, on any device, and enter the code\n\n  {code}\n\n"
        f"It is good for {patience / 60:g} minutes. Enter it nowhere else, and tell it to nobody.")  # fmt: skip
    found = await _poll(host, issuer, {"device_auth_id": id, "user_code": code}, interval, end)
    form = {
        "grant_type": "authorization_code",
        "code": found["authorization_code"],
        "code_verifier": found["code_verifier"],
        "redirect_uri": f"{issuer}/deviceauth/callback",
    }
    return await grant(host, issuer, form)


async def _begin(host: "Host", issuer: str) -> tuple[str, str, float]:
    """Return the login's id, the user's code, and the seconds between questions."""
    where = urlsplit(issuer).hostname or issuer
    try:
        answer = await post(host, f"{issuer}/api/accounts/deviceauth/usercode", data={"client_id": CLIENT_ID})
    except HttpError as error:
        raise down(error, where) from error
    if answer.status == 404:
        raise ConfigError("this login service has no device login", where=where, hint="kt login codex, in a browser")
    if answer.status >= 300:
        raise _final(refusal(answer, where, host.clock.time(), {}))
    table = answer.table
    id, code = table.get("device_auth_id"), table.get("user_code") or table.get("usercode")
    if not isinstance(id, str) or not isinstance(code, str) or not code.isascii() or not code.isprintable():
        raise ModelError("the login service gave no code to enter", where=where, hint="try again")
    return id, code, _seconds(table.get("interval"))


def _seconds(interval: object) -> float:
    """Return an interval, which comes as text, within bounds."""
    try:
        seconds = float(str(interval))
    except ValueError:
        seconds = SLOWER
    return min(max(seconds, SHORTEST), LONGEST) if seconds == seconds else SLOWER


async def _poll(host: "Host", issuer: str, asked: dict[str, str], interval: float, end: float) -> dict[str, str]:
    """Ask until the user is done, and return the code for tokens and its verifier."""
    where = urlsplit(issuer).hostname or issuer
    while True:
        try:
            answer = await post(host, f"{issuer}/api/accounts/deviceauth/token", data=asked)
        except HttpError as error:
            if not error.passing:
                raise down(error, where) from error
        else:
            if answer.status < 300:
                return _authorized(answer, where)
            interval = _patient(answer, where, interval, host.clock.time(), asked)
        if host.clock.time() + interval >= end:
            raise KeyRefused("nobody entered the code in time", where=where, hint="kt login codex --device")
        await host.clock.sleep(interval)


def _patient(answer: Answer, where: str, interval: float, now: float, asked: dict[str, str]) -> float:
    """Return the seconds to the next question. Raises the error of an answer that ends the login."""
    if answer.code in (NO, EXPIRED):
        said = "the login was refused" if answer.code == NO else "the code is no longer good"
        raise KeyRefused(said, where=where, hint="kt login codex --device")
    if answer.status == 429 or answer.code == "slow_down":
        return min(max(interval + SLOWER, wait_asked(answer.headers, b"", now) or 0.0), LONGEST)
    if answer.status in PENDING or answer.code == "authorization_pending":
        return interval
    found = refusal(answer, where, now, asked)
    if isinstance(found, Transient):
        return interval
    raise found


def _final(found: ModelError | Transient) -> ModelError:
    return found.error if isinstance(found, Transient) else found


def _authorized(answer: Answer, where: str) -> dict[str, str]:
    names = ("authorization_code", "code_verifier")
    found = {name: answer.table.get(name) for name in names}
    if not all(isinstance(value, str) and value for value in found.values()):
        raise ModelError("the login service gave no code for tokens", where=where, hint="try again")
    return {name: str(value) for name, value in found.items()}
