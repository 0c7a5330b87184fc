"""What a wire is: one format of requests and answers, pure, without I/O; and how it is found by its name."""

import json
from collections.abc import Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from kt.errors import ConfigError, nearest

from .exchange import Reply

if TYPE_CHECKING:
    from kt import Host, Request

Q = TypeVar("Q")
_scan = json.JSONDecoder().raw_decode


class Wire(Protocol):
    """Turn requests into bytes and answers into deltas and a Message, for one service.

    It holds only what it was made with, so that everybody may share it. The kind `wire` registers a function
    `(origin, quirks) -> Wire`: `origin` names the service (thinking and fields that nobody knows go back only to the
    one they came from), `quirks` says where it differs; wrong ones are a ConfigError.

    `name` is the key in `part.x` and `message.encoded`; `headers` go with every request, and `auth` is what carries
    the key, each a format such as "Bearer {}". `models_path` may say where the list of models is, "/models" without,
    and `plugins` which plugins an agent on this wire needs.
    """

    name: str
    headers: Mapping[str, str]
    auth: Mapping[str, str]

    def path(self, model: str) -> str:
        """Return what follows the base address, with the model where the wire wants it there."""
        ...

    def build(self, request: "Request", model: str) -> bytes:
        """Return the JSON body of a request. Raises ConfigError for what this wire can't carry."""
        ...

    def reply(self) -> Reply:
        """Return a fresh assembler for one answer."""
        ...

    def models(self, body: bytes) -> list[str]:
        """Return the names in the service's list of models. Raises ValueError, TypeError, KeyError for no such list."""
        ...


def loads(data: bytes) -> Any:
    """Return JSON data. Raises ValueError.

    json.loads would first guess an encoding, at a fifth of the cost of a chunk.
    """
    text = data.decode().strip()
    value, end = _scan(text)
    if end != len(text):
        raise ValueError("extra data")
    return value


def wire_of(host: "Host", name: str, origin: str, quirks: Mapping[str, Any]) -> Wire:
    """Return the wire of a name. Raises UnknownName, and ConfigError for a wrong quirk."""
    made: Wire = host.registry.get("wire", name)(origin, quirks)
    return made


def quirks_of(cls: type[Q], given: Mapping[str, Any], **fixed: Any) -> Q:
    """Return the dataclass of a wire's quirks. Raises ConfigError for one it has not, with the nearest."""
    known = [f.name for f in fields(cls) if f.name not in fixed]  # type: ignore[arg-type]
    for name in given:
        if name not in known:
            raise ConfigError(f"the provider has no option {name!r}", hint=nearest(name, known))
    return cls(**given, **fixed)
