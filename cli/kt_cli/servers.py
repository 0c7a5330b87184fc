"""Ask a server that speaks Chat Completions which models it has, by what Python itself brings."""

import json
from http.client import HTTPConnection, HTTPException, HTTPSConnection, InvalidURL
from typing import Any
from urllib.parse import urlsplit

from kt.errors import DataError, KeyRefused, ProviderDown, UsageError

MAX_BYTES = 1 << 20
MAX_NAME = 200


def models_at(base_url: str, *, seconds: float) -> list[str]:
    """Return the names of the models that `base_url`/models lists, without any that can't be a name.

    `seconds` bound the connection and each read. Raises UsageError for what is no address, ProviderDown where nothing
    answers, KeyRefused where a key is wanted, DataError for an answer that is no list of models.
    """
    status, body = _fetched(f"{base_url.rstrip('/')}/models", seconds)
    if status in (401, 403):
        hint = "kt model add NAME --base-url URL --key-env VARIABLE"
        raise KeyRefused("the server wants a key", where=base_url, hint=hint)
    try:
        names = [row["id"] for row in json.loads(body)["data"]] if status == 200 else None
    except (ValueError, TypeError, KeyError):
        names = None
    if names is None:
        raise DataError(f"the server lists no models (HTTP {status})", where=base_url, hint="http://HOST:PORT/v1")
    return [name for name in names if _is_name(name)]


def _fetched(url: str, seconds: float) -> tuple[int, bytes]:
    try:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(url)
        kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        connection = kind(parts.hostname, parts.port, timeout=seconds)
    except (ValueError, InvalidURL):
        raise UsageError(f"{url.removesuffix('/models')!r} is no address", hint="http://HOST:PORT/v1") from None
    try:
        connection.request("GET", parts.path, headers={"Accept": "application/json"})
        answer = connection.getresponse()
        return answer.status, answer.read(MAX_BYTES)
    except (OSError, HTTPException, UnicodeError) as error:
        raise ProviderDown(f"nothing answers there: {error}", where=url.removesuffix("/models")) from None
    finally:
        connection.close()


def _is_name(name: Any) -> bool:
    return isinstance(name, str) and 0 < len(name) <= MAX_NAME and name.isprintable() and " " not in name
