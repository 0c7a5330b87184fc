"""What the model has seen of files: who changes one must have seen it as it is now."""

import hashlib

from kt import Context
from kt.errors import KTError


def remember(ctx: Context[object], path: str, data: bytes) -> None:
    """Note that the model knows a file as `data`; it stays known when the session is resumed."""
    ctx.agent.state[_key(ctx, path)] = _digest(data)


def must_be_current(ctx: Context[object], path: str, data: bytes) -> None:
    """Raise KTError unless the model saw the file as it is now."""
    seen = ctx.agent.state.get(_key(ctx, path))
    if seen is None:
        raise KTError(f"{path!r} was not read in this conversation", hint="read it first")
    if seen != _digest(data):
        raise KTError(f"{path!r} changed on disk since it was read", hint="read it again")


def _key(ctx: Context[object], path: str) -> str:
    return f"seen:{ctx.files.relative(path)}"


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=16).hexdigest()
