"""The provider behind every address: a wire, an endpoint, and the shared exchange."""

from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from kt.errors import ConfigError, ModelError, UnknownModel, nearest

from .errors import HttpError, Transient, failure
from .exchange import MAX_ERROR, Endpoint, exchange
from .options import COMMON, DESCRIBING, address, endpoint_of
from .transport import transport_of
from .wire import Wire, wire_of

if TYPE_CHECKING:
    from kt import Host, Message, Request, ToolCall
    from kt.events import Event


class WireProvider:
    """Answer requests over a wire. It keeps nothing of a conversation, so that agents may share it."""

    enforces_schema = True

    def __init__(self, model: str, endpoint: Endpoint, wire: Wire, host: "Host") -> None:
        self.model, self.endpoint, self.wire = model, endpoint, wire
        self.plugins = ("restart", *getattr(wire, "plugins", ()))
        self._host = host

    def stream(self, request: "Request") -> "AsyncIterator[str | ToolCall | Event | Message]":
        """Yield the deltas of the answer, then its Message; see kt_http.exchange for retries and errors."""
        wire, body = self.wire, self.wire.build(request, self.model)
        path = wire.path(self.model)
        return exchange(
            self._host, self.endpoint, path, body, wire.reply, model=self.model, explain=self._name_the_nearest
        )

    async def models(self) -> list[str]:
        """Return the names of the models that the service lists. Raises errors of the ModelError family."""
        endpoint = self.endpoint
        transport, url = transport_of(self._host), endpoint.url + getattr(self.wire, "models_path", "/models")
        try:
            async with transport.open("GET", url, headers=endpoint.headers, clocks=endpoint.clocks) as response:
                body = await response.read()
            if response.status < 300:
                return self.wire.models(body)
        except (HttpError, ValueError, TypeError, KeyError) as error:
            raise ModelError(f"the models can't be listed: {error}", where=endpoint.where) from error
        where, secrets, headers = endpoint.where, endpoint.secrets, response.headers
        found = failure(response.status, headers, body[:MAX_ERROR], now=0.0, where=where, secrets=secrets)
        raise found.error if isinstance(found, Transient) else found

    async def _name_the_nearest(self, error: ModelError) -> None:
        if isinstance(error, UnknownModel) and not error.hint:
            try:
                names = await self.models()
            except ModelError:
                names = []  # the service need not list any; its own words stand
            error.hint = nearest(self.model, names) or "check the model's name"


def endpoint(model: str, options: Mapping[str, Any], host: "Host") -> WireProvider:
    """Return the provider for an address given as data: `wire`, `base_url`, the common options, the wire's quirks.

    Raises ConfigError where the key or the model is missing, or an option is wrong.
    """
    if not model:
        raise ConfigError("no model is named", hint="PROVIDER/MODEL")
    if not options.get("base_url"):
        raise ConfigError("the endpoint has no base_url", hint="https://HOST/v1")
    origin = urlsplit(address(str(options["base_url"]))).hostname or ""
    quirks = {name: value for name, value in options.items() if name not in (*COMMON, *DESCRIBING)}
    wire = wire_of(host, str(options.get("wire", "chat")), origin, quirks)
    given = {name: value for name, value in options.items() if name in COMMON}
    found = endpoint_of(host, given, wire.auth, headers=wire.headers, path=wire.path(model))
    return WireProvider(model, found, wire, host)
