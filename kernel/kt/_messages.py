"""The lossless message model: what was said, by whom, and every field a wire needs to say it again."""

from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

Json: TypeAlias = Any  # JSON data: None, bool, int, float, str, list, dict


@dataclass(slots=True, kw_only=True)
class PartBase:
    """Hold what every piece of a message has.

    `origin` says where the content came from, for taint: "" (user or model), "web", "file", "mcp:NAME", "subagent",
    "channel", "job"; several are separated by spaces. `x` maps a wire's name to fields that only this wire knows;
    `cache` marks a prompt-cache point ("5m" or "1h").
    """

    origin: str = ""
    cache: str | None = None
    x: dict[str, Json] | None = None


@dataclass(slots=True)
class Text(PartBase):
    text: str
    citations: tuple[Json, ...] = ()
    kind: Literal["text"] = "text"


@dataclass(slots=True)
class Media(PartBase):
    """An image, audio or file: exactly one of `data`, `url` and `file_id` (a provider's) is set."""

    mime: str
    data: bytes | None = None
    url: str | None = None
    file_id: str | None = None
    name: str = ""
    kind: Literal["media"] = "media"


@dataclass(slots=True)
class Thinking(PartBase):
    text: str
    signature: str | None = None
    encrypted: str | None = None
    redacted: bool = False
    summary: bool = False
    kind: Literal["thinking"] = "thinking"


@dataclass(slots=True)
class ToolCall(PartBase):
    """A call the model asks for; `args_text` is byte-exact, `arguments` its parsed form (None: not yet, or invalid).

    `state` is the kernel's while the call runs and travels with `dataclasses.replace`; it is no part of the value.
    """

    id: str
    name: str
    args_text: str
    arguments: dict[str, Json] | None = None
    state: Any = field(default=None, compare=False, repr=False)
    kind: Literal["tool_call"] = "tool_call"


@dataclass(slots=True)
class ToolResult(PartBase):
    call_id: str
    parts: "list[Part]"
    is_error: bool = False
    name: str = ""
    kind: Literal["tool_result"] = "tool_result"

    @property
    def text(self) -> str:
        return text_of(self.parts)


@dataclass(slots=True)
class ProviderItem(PartBase):
    """An item the provider executed itself (web search, code execution, remote MCP ...), replayed untouched."""

    type: str
    id: str
    data: Json
    kind: Literal["provider_item"] = "provider_item"


@dataclass(slots=True)
class Refusal(PartBase):
    text: str
    kind: Literal["refusal"] = "refusal"


@dataclass(slots=True)
class Opaque(PartBase):
    """An item of an unknown type, kept whole in `data`."""

    type: str
    data: Json
    kind: Literal["opaque"] = "opaque"


Part: TypeAlias = Text | Media | Thinking | ToolCall | ToolResult | ProviderItem | Refusal | Opaque


def text_of(parts: list[Part]) -> str:
    """Return the text parts joined."""
    if len(parts) == 1:
        return parts[0].text if isinstance(parts[0], Text) else ""
    return "".join(p.text for p in parts if isinstance(p, Text))


@dataclass(slots=True)
class Usage:
    """Count tokens: `input` includes `cached` and `cache_write`, `output` includes `reasoning`; `cost` is in USD."""

    input: int = 0
    output: int = 0
    cached: int = 0
    cache_write: int = 0
    reasoning: int = 0
    cost: float | None = None

    @property
    def total(self) -> int:
        return self.input + self.output

    def add(self, other: "Usage") -> None:
        """Add `other` in place. A cost that is unknown on one side stays unknown unless nothing was spent there."""
        if not (self.input or self.output or self.cost):
            self.cost = other.cost
        elif other.input or other.output or other.cost:
            self.cost = None if self.cost is None or other.cost is None else self.cost + other.cost
        self.input += other.input
        self.output += other.output
        self.cached += other.cached
        self.cache_write += other.cache_write
        self.reasoning += other.reasoning


@dataclass(slots=True)
class Message:
    """One message of the conversation.

    `role` is "user", "assistant", "tool" or "system". `finish` is "stop", "tool_calls", "length", "refusal" or
    "other"; `finish_raw`, `usage_raw`, `wire`, `model` and `response_id` are the provider's own words. `encoded`
    caches a wire's bytes and is no part of the value.
    """

    role: str
    parts: list[Part]
    id: str = ""
    model: str = ""
    wire: str = ""
    response_id: str = ""
    finish: str = ""
    finish_raw: str = ""
    usage: Usage | None = None
    usage_raw: Json = None
    seconds: float = 0.0
    x: dict[str, Json] | None = None
    encoded: dict[str, bytes] | None = field(default=None, compare=False, repr=False)

    @property
    def text(self) -> str:
        """Return the text parts joined."""
        return text_of(self.parts)

    @property
    def tool_calls(self) -> list[ToolCall]:
        parts = self.parts
        if len(parts) == 1:
            return [parts[0]] if isinstance(parts[0], ToolCall) else []
        return [p for p in parts if isinstance(p, ToolCall)]


Content: TypeAlias = str | Part | list[Part] | Message


def user(content: Content, *, origin: str = "") -> Message:
    """Return a user message from text, a part, parts, or a message (returned as it is)."""
    if isinstance(content, str):
        return Message("user", [Text(content, origin=origin)])
    if isinstance(content, Message):
        return content
    return Message("user", [content] if isinstance(content, PartBase) else list(content))
