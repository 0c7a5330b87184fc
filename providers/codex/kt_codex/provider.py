"""The provider `codex`: the Responses wire to ChatGPT's own service, with the tokens of a login."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4, uuid5

from kt.errors import ConfigError, KeyRefused, ModelError, UnknownModel
from kt.events import Advice
from kt_http.addresses import is_loopback
from kt_http.exchange import Endpoint, exchange
from kt_http.options import address, endpoint_of
from kt_http.wire import Wire, wire_of

from .limits import NoteLimits
from .oauth import AGAIN, ORIGINATOR
from .tokens import TokenFile, Tokens

if TYPE_CHECKING:
    from kt import Host, Message, Request, ToolCall
    from kt.events import Event

NAME = "codex"
BASE = "https://chatgpt.com/backend-api/codex"
SERVICE = "chatgpt.com"
COMMON = ("base_url", "headers", "clocks", "retry")
INSTRUCTIONS = "You are a helpful assistant."
"""What is said where a creature has no prompt: the service refuses a request without instructions."""
REASONING = "reasoning.encrypted_content"
ALLOWED = frozenset(
    ("client_metadata", "effort", "include", "parallel_tool_calls", "prompt_cache_key", "reasoning", "service_tier",
     "text", "tool_choice")
)  # fmt: skip
"""The settings that the service takes; it answers any other with an error."""


class CodexProvider:
    """Answer requests with a ChatGPT login, refreshed as needed. It keeps nothing of a conversation."""

    enforces_schema = True

    def __init__(self, model: str, endpoint: Endpoint, wire: Wire, tokens: TokenFile, host: "Host") -> None:
        self.model, self.endpoint, self.wire, self.tokens = model, endpoint, wire, tokens
        self._host, self._space = host, uuid4()
        self._told: frozenset[str] = frozenset()

    async def stream(self, request: "Request") -> "AsyncGenerator[str | ToolCall | Event | Message, None]":
        """Yield the deltas of the answer, then its Message; see kt_http.exchange for retries and errors.

        Raises ConfigError without a login, KeyRefused where it is no longer good. Settings that the service does not
        take are left out, which an Advice says once; limits that it tells are in the Message's `x["codex"]`.
        """
        if left := frozenset(request.settings) - ALLOWED - self._told:
            self._told |= left
            yield Advice(f"ChatGPT's service takes no {', '.join(sorted(left))}: left out of the request")
        session = session_of(request, self._space)
        body = self.wire.build(fitted(request, session), self.model)
        tokens = await self.tokens.fresh()
        hidden: tuple[str, ...] = ()
        for last in (False, True):
            hidden += (tokens.access, tokens.refresh)
            try:
                async with aclosing(self._exchange(tokens, session, body, hidden)) as items:
                    async for item in items:
                        yield item
                return
            except KeyRefused as error:
                if last or not error.what.startswith("HTTP 401"):  # nothing was yielded before such a status
                    raise
            tokens = await self.tokens.fresh(refused=tokens)

    def _exchange(
        self, tokens: Tokens, session: str, body: bytes, hidden: tuple[str, ...]
    ) -> "AsyncGenerator[str | ToolCall | Event | Message, None]":
        sent = {
            **self.endpoint.headers,
            "accept": "text/event-stream",
            "authorization": f"Bearer {tokens.access}",
            "chatgpt-account-id": tokens.account,
            "originator": ORIGINATOR,
            "session_id": session,
        }
        endpoint = replace(self.endpoint, headers=sent, secrets=hidden)
        path, reply = self.wire.path(self.model), self.wire.reply
        return exchange(self._host, endpoint, path, body, lambda: NoteLimits(reply(), NAME), explain=_explain)


async def _explain(error: ModelError) -> None:
    """Say what to do about an error, in terms of a login; the service has no other words for an unknown model."""
    if isinstance(error, KeyRefused):
        error.hint = AGAIN if error.what.startswith("HTTP 401") else "check that this ChatGPT account may use the model"
    elif type(error) is ModelError and "model is not supported" in error.what:
        raise UnknownModel(error.what, where=error.where, hint="choose a model that Codex offers") from error


def session_of(request: "Request", space: UUID) -> str:
    """Return a name for the conversation, the same for each of its requests: the service's caches go by it."""
    first = request.messages[0] if request.messages else None
    return str(uuid5(space, f"{first.id}\n{first.text}" if first is not None else ""))


def fitted(request: "Request", session: str) -> "Request":
    """Return the request as this service takes it: instructions never empty, no system messages, known settings."""
    said = [request.system, *(m.text for m in request.messages if m.role == "system")]
    instructions = "\n\n".join(text for text in said if text.strip()) or INSTRUCTIONS
    settings: dict[str, Any] = {"prompt_cache_key": session}
    settings |= {name: value for name, value in request.settings.items() if name in ALLOWED}
    asked = settings.get("include")
    if isinstance(asked, list) and REASONING not in asked:
        settings["include"] = [*asked, REASONING]  # without it a conversation could not go on
    messages = request.messages
    if len(said) > 1:
        messages = [m for m in messages if m.role != "system"]
    return replace(request, system=instructions, messages=messages, settings=settings)


def codex(model: str, options: Mapping[str, Any], host: "Host") -> CodexProvider:
    """Return the provider `codex`. Raises ConfigError without a login or a model, and for a wrong option.

    Options: base_url (ChatGPT's, or on this machine), headers, clocks, retry, `login` (the file with the tokens).
    """
    if not model:
        raise ConfigError("no model is named", hint="codex/MODEL, for example codex/gpt-5-codex")
    given = {"base_url": BASE, **{name: options[name] for name in COMMON if name in options}}
    url = urlsplit(address(str(given["base_url"])))
    ours = url.scheme == "https" and url.hostname == SERVICE and url.port in (None, 443)
    if not ours and not is_loopback(url.hostname or ""):
        raise ConfigError(f"{given['base_url']!r} is not ChatGPT's", hint="a ChatGPT login goes nowhere else")
    quirks = {name: value for name, value in options.items() if name not in (*COMMON, "login")}
    wire = wire_of(host, "responses", SERVICE, {"encrypted_reasoning": "always", **quirks})
    endpoint = endpoint_of(host, given, {}, headers=wire.headers, path=wire.path(model))
    tokens = TokenFile(host, Path(options["login"]).expanduser() if options.get("login") else None)
    tokens.read()
    return CodexProvider(model, endpoint, wire, tokens, host)
