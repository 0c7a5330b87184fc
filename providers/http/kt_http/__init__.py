"""HTTP for providers and tools: one transport a host, server-sent events, retry, errors."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from kt import hookimpl

if TYPE_CHECKING:
    from kt import Host, Registry


@hookimpl
def kt_register(registry: "Registry") -> None:
    registry.add(
        "http", "direct", "kt_http.direct:DirectHttp", help="requests from this process, with no proxy between"
    )


@hookimpl
@asynccontextmanager
async def kt_host_lifespan(host: "Host") -> AsyncIterator[None]:
    try:
        yield
    finally:
        from .transport import close

        await close(host)
