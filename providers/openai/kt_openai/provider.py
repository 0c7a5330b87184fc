"""The providers `openai` and `openai-compat`: an address, a key and options, on the shared exchange."""

import json
import re
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any

from kt.errors import ConfigError, ModelError, UnknownModel, nearest
from kt_http.errors import HttpError, failure
from kt_http.exchange import MAX_ERROR, Endpoint, exchange
from kt_http.options import COMMON, check, endpoint_of
from kt_http.transport import transport_of

from .chat import PATH, ChatOptions, build
from .chat_reply import ChatReply

if TYPE_CHECKING:
    from kt import Host, Message, Request, ToolCall
    from kt.events import Event

OPENAI = "https://api.openai.com/v1"
OPENAI_KEY = "OPENAI_API_KEY"
NEWER = {"max_tokens_name": "max_completion_tokens"}
QUIRKS = ("max_tokens_name", "replay_reasoning")
REPLAY = ("tool_loop", "never", "always")
OPTIONS = (*COMMON, *QUIRKS)


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
    given = {"base_url": OPENAI, "key_env": OPENAI_KEY, **NEWER, **options}
    if not _is_openai(given["base_url"]):
        raise ConfigError(
            f"{given['base_url']!r} is not OpenAI's", hint="the provider for other addresses: openai-compat"
        )
    return _provider(model, given, host)


def compatible(model: str, options: Mapping[str, Any], host: "Host") -> ChatProvider:
    """Return the provider `openai-compat` for "URL#MODEL", or for a model with the option base_url.

    Its key comes from the variable that the option `key_env` names; a service may need none. OpenAI's own key goes to
    OpenAI only. Raises ConfigError.
    """
    given = dict(options)
    url, mark, name = model.partition("#")
    if "://" in url:
        given["base_url"], model = url, name
    if not given.get("base_url") or not model:
        form = "openai-compat:URL#MODEL, for example openai-compat:http://127.0.0.1:8080/v1#qwen"
        raise ConfigError(f"an address or a model's name is missing in {url + mark!r}", hint=form)
    if _is_openai(given["base_url"]):
        given = {"key_env": OPENAI_KEY, **NEWER, **given}
    return _provider(model, given, host)


def _is_openai(base_url: object) -> bool:
    """Tell whether an address is OpenAI's own, encrypted, so that its key may go there unasked."""
    return re.match(r"https://([\w-]+\.)*openai\.com(:443)?(/|$)", str(base_url)) is not None


def _provider(model: str, options: Mapping[str, Any], host: "Host") -> ChatProvider:
    check(options, OPTIONS)
    endpoint = endpoint_of(options, {"authorization": "Bearer {}"}, path=PATH)
    given = {name: options[name] for name in QUIRKS if name in options}
    replay = given.get("replay_reasoning", REPLAY[0])
    if replay not in REPLAY:
        raise ConfigError(f"replay_reasoning is {replay!r}", hint=f"one of {', '.join(REPLAY)}")
    return ChatProvider(model, endpoint, host, ChatOptions(origin=endpoint.where, **given))
