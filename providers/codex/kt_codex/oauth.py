"""What is said to the service that issues tokens: OAuth 2.0 (RFC 6749, 7009) and this service's device login."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeGuard
from urllib.parse import quote, urlencode, urlsplit

from kt.errors import ConfigError, KeyRefused, ModelError, ProviderDown
from kt_http.addresses import is_loopback
from kt_http.errors import HttpError, Transient, failure
from kt_http.retry import Retries, RetryPolicy
from kt_http.transport import AGENT, Clocks, transport_of

if TYPE_CHECKING:
    from kt import Host

ISSUER = "https://auth.openai.com"
ISSUER_ENV = "KT_CODEX_ISSUER"
CLIENT_ID = "app_EMoamEEZ73f0CkXaXp7hrann"
"""Codex CLI's own, as ORIGINATOR is: OpenAI gives out none for other programs. See docs/codex.md."""
ORIGINATOR = "codex_cli_rs"
AGAIN = "log in again: kt login codex"

CLOCKS = Clocks(connect=10.0, first_byte=15.0, between=15.0, total=15.0)
MAX_WAIT = 10.0
MAX_BODY = 256 << 10
SECRET = {"code", "code_verifier", "device_auth_id", "refresh_token", "user_code"}
"""The fields of requests whose values no error shows."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the issuer answered; the body may hold tokens and is never shown."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    @property
    def table(self) -> dict[str, Any]:
        """Return the body as a table, empty where it is none."""
        try:
            found = json.loads(self.body)
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def code(self) -> str:
        """Return the code of an error: {"error": "code"} or {"error": {"code": "code"}}; "" where there is none."""
        error = self.table.get("error")
        code = error.get("code") if isinstance(error, dict) else error
        return code if isinstance(code, str) else ""


def issuer_of(given: str | None = None) -> str:
    """Return the issuer's address: the given one, KT_CODEX_ISSUER, or OpenAI's. Raises ConfigError."""
    url = (given or os.environ.get(ISSUER_ENV) or ISSUER).rstrip("/")
    try:
        parts = urlsplit(url)
        host, here = parts.hostname or "", is_loopback(parts.hostname or "")
        good = bool(host) and parts.username is None and (parts.scheme == "https" or (here and parts.scheme == "http"))
    except ValueError:
        good = False
    if not good:
        raise ConfigError("the address of the login service is no https address", hint=f"leave {ISSUER_ENV} away")
    return url


async def post(host: "Host", url: str, *, form: Mapping[str, str] | None = None, data: Any = None) -> Answer:
    """Send a form, or data as JSON, and return the answer of any status. Raises HttpError."""
    body = json.dumps(data).encode() if form is None else urlencode(form).encode()
    kind = "application/json" if form is None else "application/x-www-form-urlencoded"
    headers = {"content-type": kind, "accept": "application/json", "accept-encoding": "identity", "user-agent": AGENT}
    async with transport_of(host).open("POST", url, headers=headers, body=body, clocks=CLOCKS) as response:
        return Answer(response.status, response.headers, await response.read(MAX_BODY))


async def grant(host: "Host", issuer: str, form: Mapping[str, str], *, tries: int = 3) -> dict[str, Any]:
    """Ask for tokens and return the issuer's table of them, after at most `tries` where its service is down.

    Raises KeyRefused where it refuses, ProviderDown where it can't be reached, ModelError for no tokens.
    """
    retries = Retries(RetryPolicy(attempts=tries, cap=MAX_WAIT))
    where = urlsplit(issuer).hostname or issuer
    trouble: ModelError | Transient
    while True:
        try:
            answer = await post(host, f"{issuer}/oauth/token", form={**form, "client_id": CLIENT_ID})
        except HttpError as error:
            trouble = Transient(down(error, where)) if error.passing else down(error, where)
        else:
            if answer.status < 300:
                return _granted(answer, where)
            trouble = refusal(answer, where, host.clock.time(), form)
        if isinstance(trouble, ModelError):
            raise trouble
        await host.clock.sleep(retries.next(trouble).wait)


def _granted(answer: Answer, where: str) -> dict[str, Any]:
    table = answer.table
    if not is_token(table.get("access_token")):
        raise ModelError("the login service answered without a token", where=where, hint=AGAIN)
    return table


def is_token(value: object) -> TypeGuard[str]:
    """Tell whether a value can stand in a header: what can't would be quoted by the error that says so."""
    return isinstance(value, str) and value != "" and all("!" <= character <= "~" for character in value)


def down(error: HttpError, where: str) -> ProviderDown:
    """Return the error for a request to the issuer that got no answer."""
    found = ProviderDown(f"the login service: {error.what}", where=error.where or where, hint=error.hint)
    found.__cause__ = error
    return found


def refusal(answer: Answer, where: str, now: float, sent: Mapping[str, str]) -> ModelError | Transient:
    """Return the error for an answer of status >= 300; no secret that was `sent` is in its text."""
    secrets = {form for name in SECRET & sent.keys() for form in (sent[name], quote(sent[name], safe=""))}
    found = failure(answer.status, answer.headers, answer.body, now=now, where=where, secrets=secrets)
    if answer.status in (400, 401, 403):
        what = found.error.what if isinstance(found, Transient) else found.what
        return KeyRefused(f"the login was refused: {what}", where=where, hint=AGAIN)
    return found
