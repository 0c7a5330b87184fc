"""What the model has seen of files: who changes one must have seen it as it is now."""

import hashlib
from weakref import WeakKeyDictionary

from kt import Agent, Context
from kt.errors import KTError

_SEEN: "WeakKeyDictionary[Agent, dict[str, bytes]]" = WeakKeyDictionary()
"""By agent and path: the digest of what the model last saw, or wrote, of a file."""


def remember(ctx: Context[object], path: str, data: bytes) -> None:
    """Note that the model knows a file as `data`."""
    _SEEN.setdefault(ctx.agent, {})[ctx.files.relative(path)] = hashlib.blake2b(data).digest()


def must_be_current(ctx: Context[object], path: str, data: bytes) -> None:
    """Raise KTError unless the model saw the file as it is now."""
    seen = _SEEN.get(ctx.agent, {}).get(ctx.files.relative(path))
    if seen is None:
        raise KTError(f"{path!r} was not read in this conversation", hint="read it first")
    if seen != hashlib.blake2b(data).digest():
        raise KTError(f"{path!r} changed on disk since it was read", hint="read it again")
