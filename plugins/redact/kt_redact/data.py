"""Copies without secrets of messages, events, results, errors and JSON data; nothing that is given is changed."""

import copy
import json
from collections.abc import Awaitable, Callable, Collection
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from functools import cache, lru_cache
from typing import Any, TypeVar, cast

from kt import KTError, Message, Refusal, Text, Thinking, ToolCall, ToolResult

T = TypeVar("T")
SMALL = 10_000_000
"""Numbers below have fewer digits than a secret has characters."""


class Redacted(KTError):
    """Stand in for an error of another library whose text named a secret."""


class Cleaner:
    """Take secrets out of data with `text`; with `sealed` out of what a provider signed or encrypted."""

    def __init__(self, text: Callable[[str], str], sealed: Callable[[str], str]) -> None:
        self._text, self._sealed = text, sealed
        self._errors: set[int] = set()

    def clean(self, value: T) -> T:
        """Return the value without secrets: itself where it has none, else a copy."""
        return cast(T, self._any(value))

    async def failing(self, work: Awaitable[T]) -> T:
        """Await `work`; what it raises has no secrets."""
        try:
            return await work
        except Exception as error:
            clean = self.clean(error)
            if clean is error:
                raise
        # Not raised within the handler: there the error with the secret would become its context.
        raise clean

    def _any(self, value: Any) -> Any:
        if value is None or isinstance(value, bool | Enum):
            return value
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, dict):
            return self._dict(value)
        if isinstance(value, list | tuple | set | frozenset):
            return self._items(value)
        if isinstance(value, bytes):
            return self._bytes(value)
        if isinstance(value, int | float) and -SMALL < value < SMALL:
            return value
        if isinstance(value, BaseException):
            return self._error(value)
        if is_dataclass(value) and not isinstance(value, type):
            return self._dataclass(value)
        return self._object(value)

    def _dict(self, value: dict[Any, Any]) -> dict[Any, Any]:
        made = {self._any(k): self._sealing(k)(v) for k, v in value.items()}
        return value if _same(made, value) and _same(made.values(), value.values()) else made

    def _sealing(self, name: object) -> Callable[[Any], Any]:
        """Return what cleans the value under a name: of what is sealed, only known secrets are taken out."""
        return Cleaner(self._sealed, self._sealed).clean if isinstance(name, str) and _is_seal(name) else self._any

    def _items(self, value: Any) -> Any:
        made = [self._any(item) for item in value]
        if _same(made, value):
            return value
        return type(value)(*made) if hasattr(value, "_fields") else type(value)(made)

    def _bytes(self, value: bytes) -> bytes:
        text = value.decode("utf-8", "surrogateescape")
        clean = self._text(text)
        return value if clean is text else clean.encode("utf-8", "surrogateescape")

    def _object(self, value: Any) -> Any:
        """Clean a pydantic model by its fields; whatever else is, is written as its text."""
        update = getattr(value, "model_copy", None)
        if callable(update) and not isinstance(value, type):
            changes = {k: new for k, old in vars(value).items() if (new := self._any(old)) is not old}
            return update(update=changes) if changes else value
        text = str(value)
        clean = self._text(text)
        return value if clean is text else clean

    def changes(self, value: Any) -> dict[str, Any]:
        """Return the attributes of a dataclass that have secrets, without them."""
        cls: Any = type(value)
        found = {}
        for name in (*_fields(cls), *getattr(value, "__dict__", ())):
            old = getattr(value, name)
            if old is None:
                continue
            joined = name == "parts" and isinstance(value, Message | ToolResult)
            if (new := self._parts(old, self._any) if joined else self._sealing(name)(old)) is not old:
                found[name] = new
        if isinstance(value, ToolCall):
            found |= self._arguments(value, found)
        return found

    def _dataclass(self, value: Any) -> Any:
        changes = self.changes(value)
        if not changes:
            return value
        cls: Any = type(value)
        made = copy.copy(value)
        # What is no part of the value, like the bytes of a wire that a message keeps, is not the copy's.
        for name, new in {**_caches(cls), **changes}.items():
            object.__setattr__(made, name, new)
        return made

    def _parts(self, parts: list[Any], clean: Callable[[Any], Any]) -> list[Any]:
        """Return the parts without secrets; as one text where a secret is spread over several."""
        made = [clean(part) for part in parts]
        texts = [part for part in parts if isinstance(part, Text)]
        whole = self._text("".join(part.text for part in texts))
        if len(texts) > 1 and whole != "".join(part.text for part in made if isinstance(part, Text)):
            rest = {id(text) for text in texts[1:]}
            one = replace(texts[0], text=whole, citations=())
            return [one if p is texts[0] else m for p, m in zip(parts, made, strict=True) if id(p) not in rest]
        return parts if _same(made, parts) else made

    def said(self, reply: Message) -> Message:
        """Return a reply whose words have no secrets, and whose calls and provider's items are as they were."""
        parts = self._parts(reply.parts, lambda p: self._any(p) if isinstance(p, Text | Thinking | Refusal) else p)
        return reply if parts is reply.parts else replace(reply, parts=parts, encoded=None)

    def _arguments(self, call: ToolCall, found: dict[str, Any]) -> dict[str, Any]:
        """Return both forms of a call's arguments, saying the same; {} where neither has a secret."""
        try:
            known = json.loads(call.args_text or "{}") if call.arguments is None else call.arguments
        except ValueError:
            return {}
        clean = self._any(known)
        if clean is known and "args_text" not in found:
            return {}
        text = self._text(json.dumps(clean, ensure_ascii=False, default=str))
        return {"args_text": text} if call.arguments is None else {"args_text": text, "arguments": clean}

    def _error(self, error: BaseException) -> BaseException:
        """Return an error, its causes and notes without secrets; one of another library becomes a stand-in."""
        cause, context = self._linked(error.__cause__), self._linked(error.__context__)
        told = (error.args, vars(error))
        clean = (self._any(error.args), self._any(vars(error)))
        text = self._text(str(error))
        if _same(clean, told) and text == str(error) and cause is error.__cause__ and context is error.__context__:
            return error
        made: BaseException = Redacted(f"{type(error).__name__}: {text}")
        if isinstance(error, KTError):
            made = _twin(error, clean)
        for note in () if isinstance(error, KTError) else clean[1].get("__notes__", ()):
            made.add_note(note)
        made.__cause__, made.__context__, made.__suppress_context__ = cause, context, error.__suppress_context__
        return made.with_traceback(error.__traceback__)

    def _linked(self, error: BaseException | None) -> BaseException | None:
        if error is None or id(error) in self._errors:
            return error
        self._errors.add(id(error))
        try:
            return self._error(error)
        finally:
            self._errors.discard(id(error))


def _twin(error: KTError, state: tuple[tuple[Any, ...], dict[str, Any]]) -> KTError:
    """Return an error of the same class with other arguments and attributes."""
    made = type(error).__new__(type(error))
    made.args = state[0]
    vars(made).update(state[1])
    return made


def _same(made: Collection[Any], given: Collection[Any]) -> bool:
    return len(made) == len(given) and all(a is b for a, b in zip(made, given, strict=True))


@lru_cache(1000)
def _is_seal(name: str) -> bool:
    """Tell whether a provider keeps a signature or something encrypted under a name; a change would break it."""
    return "signature" in name.lower() or name.lower().startswith("encrypted")


@cache
def _fields(cls: Any) -> tuple[str, ...]:
    """Return the fields that are part of a dataclass's value; others, and their caches, are left out of repr."""
    return tuple(f.name for f in fields(cls) if f.repr)


@cache
def _caches(cls: Any) -> dict[str, None]:
    return dict.fromkeys(f.name for f in fields(cls) if not f.repr)
