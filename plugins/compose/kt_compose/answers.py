"""What an agent step gives, and what it takes: an answer is a str, and every value becomes a message."""

import json
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any, Generic, TypeVar

from kt import Message, Part, Text, TurnResult, encode
from kt.errors import UsageError

T = TypeVar("T")


class Answer(str, Generic[T]):
    """The text of a turn, with its TurnResult as `result`.

    `output` is the typed output, None where no `output_type` was asked; `origins` says what had come into the agent's
    conversation ("web", "file" ...), so that the next agent knows it as well.
    """

    result: TurnResult
    origins: frozenset[str]

    def __new__(cls, text: str, result: TurnResult, origins: Collection[str] = ()) -> "Answer[T]":
        answer = super().__new__(cls, text)
        answer.result, answer.origins = result, frozenset(origins)
        return answer

    @property
    def output(self) -> T:
        return self.result.output  # type: ignore[no-any-return]

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (str(self), self.result, self.origins)


def message_of(value: object, origins: Collection[str] = ()) -> Message:
    """Return what an agent is told, marked with `origins` and with those of the answers in it.

    A Message, a part or a list of parts stays what it is; a str is text, a number as Python writes it. A tuple becomes
    sections with the headings [1 of 2], [2 of 2]. Anything else is JSON, as kt.encode has it; where that is a plain
    text (a date, a path), the text. Raises UsageError for None, and for bytes, which say not what they are.
    """
    message = value if isinstance(value, Message) else Message("user", parts_of(value))
    return replace(message, parts=[_marked(part, origins) for part in message.parts], encoded=None)


def parts_of(value: object) -> list[Part]:
    """Return a value as parts of a message; see message_of."""
    if isinstance(value, Part):
        return [value]
    if isinstance(value, list) and value and all(isinstance(item, Part) for item in value):
        return value
    if isinstance(value, Message):
        return value.parts
    if isinstance(value, tuple):
        return [part for i, item in enumerate(value, 1) for part in _section(f"[{i} of {len(value)}]", item)]
    return [Text(text_of(value), origin=_joined(origins_in(value)))]


def _section(heading: str, item: object) -> list[Part]:
    first, *rest = parts_of(item)
    if isinstance(first, Text):
        return [replace(first, text=f"{heading}\n{first.text}\n\n"), *rest]
    return [Text(f"{heading}\n"), first, *rest]


def text_of(value: object) -> str:
    """Return a value as text; see message_of."""
    if value is None or isinstance(value, bytes):
        raise UsageError(
            f"an agent can't be told {value!r:.40}", hint="return text or a kt.Media part from the step before"
        )
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    data = encode(value)
    return str(data) if isinstance(data, str) else json.dumps(data, ensure_ascii=False)


def origins_in(value: object) -> set[str]:
    """Return the origins of the answers in a value, however deep in lists, tuples and dicts."""
    if isinstance(value, Answer):
        return set(value.origins)
    items = value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple | set) else ()
    return {origin for item in items for origin in origins_in(item)}


def _marked(part: Part, origins: Collection[str]) -> Part:
    return replace(part, origin=_joined({*part.origin.split(), *origins})) if origins else part


def _joined(origins: Collection[str]) -> str:
    return " ".join(sorted(origins))
