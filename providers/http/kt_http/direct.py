"""The plain backend of `ctx.http`: requests made by this process."""

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING

from kt import HttpResponse

from .errors import HttpError
from .transport import AGENT, Address, Clocks, transport_of

if TYPE_CHECKING:
    from kt import Agent


class DirectHttp:
    """Make requests for the tools of one agent over its host's transport, without cookies.

    `at` is the (address, port) to connect to, where somebody looked it up already.
    """

    def __init__(self, agent: "Agent", at: Address | None = None) -> None:
        self._host, self._at = agent.host, at

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
        """Return the response, whatever its status; headers in lower case, the body decompressed.

        `timeout` is in seconds and covers everything. Raises HttpError for an address that is not http(s), no answer,
        a body over `max_bytes`, and a redirect to another host, which it names.
        """
        if not url.lower().startswith(("http://", "https://")):
            raise HttpError(f"{url!r} is no http or https address")
        sent = {"user-agent": AGENT, "accept-encoding": "gzip, deflate", **(headers or {})}
        clocks = Clocks(connect=min(10.0, timeout), first_byte=timeout, between=timeout, total=timeout)
        try:
            async with (
                asyncio.timeout(timeout),
                transport_of(self._host).open(
                    method, url, headers=sent, body=body or b"", clocks=clocks, at=self._at
                ) as response,
            ):
                content = await response.read(max_bytes)
        except TimeoutError as error:
            raise HttpError(f"no whole answer within {timeout:g} s", where=url, passing=True) from error
        return HttpResponse(response.status, dict(response.headers), content, response.url)
