"""The contract of a provider: what makes it, and that it streams."""

import inspect
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from kt.errors import KTError

from .outcome import Found

if TYPE_CHECKING:
    from kt import Entry, Plugins

VARIABLE = re.compile(r"[A-Z][A-Z0-9_]*")
FIX = "def provider(model, options, host), which returns an object with an async generator method stream(request)"


def provider(entry: "Entry", target: Any, installed: "Plugins") -> Found:
    """Yield what is wrong with a provider; one that wants a key or an option may say so."""
    from kt import Host

    key = entry.data.get("key_env")
    if key is not None and not VARIABLE.fullmatch(str(key)):
        yield f"key_env {key!r} is no name of a variable", 'key_env="NAME_API_KEY"'
    if entry.data.get("table"):
        if not isinstance(target, Mapping) or not target.get("base_url"):
            yield f"{target!r} is no endpoint", "a table with base_url and wire"
        return
    if not callable(target):
        yield f"{target!r} can't be called", FIX
        return
    try:
        inspect.signature(target).bind("model", {}, "host")
        made = target("m", {}, Host(installed))
    except KTError:
        return
    except Exception as error:
        yield f"called with (model, options, host) it raises {type(error).__name__}: {error}", FIX
        return
    stream = getattr(made, "stream", None)
    if not callable(stream) or inspect.iscoroutinefunction(stream):
        yield f"what it makes, a {type(made).__name__}, does not stream", FIX
        return
    try:
        inspect.signature(stream).bind("request")
    except TypeError as error:
        yield f"stream can't be called with a request: {error}", FIX
