"""Secrets stay out of logs, events, results, errors and requests."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from kt import hookimpl

if TYPE_CHECKING:
    from kt import Host, Registry


@hookimpl
def kt_register(registry: "Registry") -> None:
    registry.plugin("redact", "kt_redact.plugin:Redact", help="keep secrets out of logs, events, results and requests")
    registry.add("redactor", "default", "kt_redact.secrets:redact", help="takes the known secrets out of a text")


@hookimpl
@asynccontextmanager
async def kt_host_lifespan(host: "Host") -> AsyncIterator[None]:
    from .secrets import Secrets

    host.provide(Secrets(host))
    yield
