"""The providers `openai` and `openai-compat`: an address, a key and options, on the shared exchange."""

import json
import os
from collections.abc import AsyncIterator, Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from kt.errors import ConfigError, ModelError, UnknownModel, nearest
from kt_http.errors import HttpError, failure
from kt_http.exchange import MAX_ERROR, Endpoint, exchange
from kt_http.retry import RetryPolicy
from kt_http.transport import AGENT, Clocks, is_loopback, transport_of

from .chat import PATH, ChatOptions, build
from .chat_reply import ChatReply

if TYPE_CHECKING:
    from kt import Host, Message, Request, ToolCall
    from kt.events import Event

OPENAI = "https://api.openai.com/v1"
OPENAI_KEY = "OPENAI_API_KEY"
OPTIONS = ("base_url", "key_env", "headers", "clocks", "retry", "max_tokens_name", "replay_reasoning")
LOCAL = Clocks(first_byte=600.0, between=300.0)
"""A model on this machine may read its prompt for minutes before it says anything."""

T = TypeVar("T", Clocks, RetryPolicy)


class ChatProvider:
    """Answer requests over Chat Completions. It keeps nothing of a conversation, so that agents may share it.

    `endpoint` and `options` say how the service is reached and where it differs; `host` owns the connections.
    """

    enforces_schema = True

    def __init__(self, model: str, endpoint: Endpoint, host: "Host", options: ChatOptions = ChatOptions()) -> None:
        self.model, self.endpoint, self.options = model, endpoint, options
        self._host = host

    def stream(self, request: "Request") -> "AsyncIterator[str | ToolCall | Event | Message]":
        """Yield the deltas of the answer, then its Message; see kt_http.exchange for retries and errors."""
        origin = self.options.origin
        body = build(request, self.model, self.options)
        return exchange(
            self._host, self.endpoint, PATH, body, lambda: ChatReply(origin), explain=self._name_the_nearest
        )

    async def models(self) -> list[str]:
        """Return the names of the models that the service lists. Raises errors of the ModelError family."""
        endpoint = self.endpoint
        transport, url = transport_of(self._host), endpoint.url + "/models"
        try:
            async with transport.open("GET", url, headers=endpoint.headers, clocks=endpoint.clocks) as response:
                body = await response.read()
            if response.status >= 300:
                error = failure(
                    response.status,
                    response.headers,
                    body[:MAX_ERROR],
                    now=0.0,
                    where=endpoint.where,
                    secrets=endpoint.secrets,
                )
                raise error if isinstance(error, ModelError) else error.error
            return [str(entry["id"]) for entry in json.loads(body)["data"]]
        except (HttpError, ValueError, TypeError, KeyError) as error:
            raise ModelError(f"the models can't be listed: {error}", where=endpoint.where) from error

    async def _name_the_nearest(self, error: ModelError) -> None:
        if isinstance(error, UnknownModel) and not error.hint:
            try:
                names = await self.models()
            except ModelError:
                names = []  # the service need not list any; its own words stand
            error.hint = nearest(self.model, names) or "check the model's name"


def openai(model: str, options: Mapping[str, Any], host: "Host") -> ChatProvider:
    """Return the provider `openai`. Raises ConfigError where its key is missing or an option is wrong."""
    if not model:
        raise ConfigError("no model is named", hint="openai/MODEL, for example openai/gpt-4.1-mini")
    given = {"key_env": OPENAI_KEY, "max_tokens_name": "max_completion_tokens", **options}
    return _provider(model, str(given.pop("base_url", OPENAI)), given, host)


def compatible(model: str, options: Mapping[str, Any], host: "Host") -> ChatProvider:
    """Return the provider `openai-compat` for "URL#model", or for a model with the option base_url.

    Its key comes from the variable that the option `key_env` names; one on this machine needs none. Raises ConfigError.
    """
    given = dict(options)
    url, mark, name = model.partition("#")
    if mark or "://" in url:
        given["base_url"], model = url, name
    if not given.get("base_url") or not model:
        form = "openai-compat:URL#MODEL, for example openai-compat:http://127.0.0.1:8080/v1#qwen"
        raise ConfigError(f"an address or a model's name is missing in {model or url!r}", hint=form)
    base = str(given.pop("base_url"))
    if urlsplit(base).hostname == urlsplit(OPENAI).hostname:
        given.setdefault("key_env", OPENAI_KEY)
        given.setdefault("max_tokens_name", "max_completion_tokens")
    return _provider(model, base, given, host)


def _provider(model: str, base: str, given: dict[str, Any], host: "Host") -> ChatProvider:
    for name in given:
        if name not in OPTIONS:
            raise ConfigError(f"the provider has no option {name!r}", hint=nearest(name, OPTIONS))
    url = _address(base)
    key = _key(given.get("key_env"))
    headers = {"content-type": "application/json", "accept-encoding": "identity", "user-agent": AGENT}
    headers |= {"authorization": f"Bearer {key}"} if key else {}
    headers |= {str(k).lower(): str(v) for k, v in (given.get("headers") or {}).items()}
    where = urlsplit(url).hostname or ""
    endpoint = Endpoint(
        url,
        headers,
        _table(given, "clocks", LOCAL if is_loopback(where) else Clocks()),
        _table(given, "retry", RetryPolicy()),
        (key,) if key else (),
    )
    names = {k: given[k] for k in ("max_tokens_name", "replay_reasoning") if k in given}
    return ChatProvider(model, endpoint, host, ChatOptions(origin=where, **names))


def _address(base: str) -> str:
    try:
        parts = urlsplit(base)
        good = parts.scheme in ("http", "https") and parts.hostname and (parts.port or True)
    except ValueError:
        good = False
    if not good:
        raise ConfigError(f"base_url {base!r} is no address", hint="https://HOST/v1")
    return base.rstrip("/").removesuffix(PATH)


def _key(variable: str | None) -> str:
    if variable is None:
        return ""
    key = os.environ.get(variable, "").strip()
    if not key:
        raise ConfigError(
            f"no key: the environment variable {variable} is not set",
            hint=f"export {variable}=YOUR_KEY, or use a model that needs none: kt run --local",
        )
    return key


def _table(given: Mapping[str, Any], name: str, default: T) -> T:
    """Return the option `name`, a table of numbers over the default's. Raises ConfigError naming the nearest key."""
    table, known = given.get(name) or {}, [f.name for f in fields(default)]
    if not isinstance(table, Mapping):
        raise ConfigError(f"the option {name!r} must be a table", hint=", ".join(known))
    for key, value in table.items():
        if key not in known:
            raise ConfigError(f"{name} has no key {key!r}", hint=nearest(str(key), known))
        if isinstance(value, bool) or not isinstance(value, int | float | None) or (value is not None and value < 0):
            raise ConfigError(f"{name}.{key} must be a number of at least 0, not {value!r}")
    values = {f: table.get(f, getattr(default, f)) for f in known}
    return type(default)(**values)
