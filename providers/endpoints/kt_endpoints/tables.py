"""The tables of endpoints.toml, one attribute each, read on first use."""

from functools import cache
from importlib import resources
from typing import Any


@cache
def tables() -> dict[str, dict[str, Any]]:
    """Return every endpoint's table by its name."""
    import tomllib

    text = resources.files(__package__).joinpath("endpoints.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def __getattr__(name: str) -> dict[str, Any]:
    try:
        return tables()[name]
    except KeyError:
        raise AttributeError(f"no endpoint {name!r}") from None
