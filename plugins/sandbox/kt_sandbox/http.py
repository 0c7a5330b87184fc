"""`ctx.http` inside the walls: requests of this process, to the hosts of one call only."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from kt import HttpResponse
from kt.errors import MissingPlugin, Vetoed

from .hosts import HostList, address_of
from .proxy import Told

if TYPE_CHECKING:
    from kt import Agent


class GrantedHttp:
    """Make requests to granted hosts, over the client that is registered as `http` "direct"."""

    def __init__(self, agent: "Agent", hosts: HostList, told: Told) -> None:
        self._agent, self._hosts, self._told = agent, hosts, told

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        timeout: float = 30.0,
        max_bytes: int = 5_000_000,
    ) -> HttpResponse:
        """Return the response. Raises Vetoed for a host that is not granted, MissingPlugin, and what kt-http raises."""
        entry = self._agent.host.registry.find("http", "direct")
        if entry is None:
            raise MissingPlugin("this needs kt-http, which is not installed", hint="pip install kt-http")
        host, port = address_of(url)
        try:
            address = await self._hosts.connectable(host, port)
        except Vetoed as veto:
            self._told(host, port, False, str(veto))
            raise
        self._told(host, port, True, "granted")
        client = entry.load()(self._agent, address)
        response: HttpResponse = await client.request(
            method, url, headers=headers, body=body, timeout=timeout, max_bytes=max_bytes
        )
        return response
