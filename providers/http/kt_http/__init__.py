"""HTTP for providers and tools: one transport a host, server-sent events, retry, errors."""

from typing import TYPE_CHECKING

from kt import hookimpl

if TYPE_CHECKING:
    from kt import Registry


@hookimpl
def kt_register(registry: "Registry") -> None:
    registry.add(
        "http", "direct", "kt_http.direct:DirectHttp", help="requests from this process, with no proxy between"
    )
    registry.add("model_command", "decode", "kt_http.decode:main", help="print what a wire makes of recorded answers")
    registry.plugin("restart", "kt_http.restart:Restart", help="ask again for an answer that was cut")
    registry.provider("fallback", "kt_http.fallback:fallback", help="several models, the next where one is down")
    registry.provider(
        "endpoint", "kt_http.provider:endpoint", help="any address given as data: wire, base_url, key_env"
    )
