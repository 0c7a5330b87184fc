"""The provider `local`: Chat Completions against llama.cpp's server in our child process."""

import os
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from kt.errors import ConfigError, MissingPlugin, nearest
from kt_http.provider import WireProvider
from kt_openai.provider import compatible

from .server import LocalServer
from .weights import Weights, verified, weights_of

if TYPE_CHECKING:
    from kt import Host, Message, Request, ToolCall
    from kt.events import Event

SETTINGS = {"temperature": 0, "max_tokens": 1024, "cache_prompt": True}
OPTIONS = {"context": 8192, "threads": 0}


class LocalProvider:
    """Run a small model on this machine; it wants compact creatures and tools as text."""

    variant = "compact"
    plugins = ("textcalls", "repeat_guard")
    enforces_schema = True

    def __init__(self, weights: Weights, host: "Host", *, context: int, threads: int) -> None:
        self.model = weights.name
        self._path, self._host = verified(weights), host
        self._context, self._threads = context, threads or min(os.cpu_count() or 1, 8)
        self._chat: tuple[str, WireProvider] = "", None  # type: ignore[assignment]

    async def stream(self, request: "Request") -> "AsyncIterator[str | ToolCall | Event | Message]":
        """Yield the deltas of the answer, then its Message; start the server first if it does not run."""
        address = await server_of(self._host).address(self._path, context=self._context, threads=self._threads)
        if self._chat[0] != address:
            self._chat = address, compatible(f"{address}/v1#{self.model}", {}, self._host)
        async for item in self._chat[1].stream(replace(request, settings={**SETTINGS, **request.settings})):
            yield item


def server_of(host: "Host") -> LocalServer:
    """Return the host's server, made on first use and closed with the host."""
    try:
        return host.get(LocalServer)
    except MissingPlugin:
        server = LocalServer()
        host.provide(server)
        return server


def local(model: str, options: Mapping[str, Any], host: "Host") -> LocalProvider:
    """Return the provider for a model's name, "" for the default. Raises ConfigError where its weights are missing.

    Options: `context` (tokens) and `threads` (0: one a core, at most 8).
    """
    for name in options:
        if name not in OPTIONS:
            raise ConfigError(f"the local provider has no option {name!r}", hint=nearest(name, OPTIONS))
    given = {**OPTIONS, **options}
    return LocalProvider(weights_of(model), host, context=int(given["context"]), threads=int(given["threads"]))
