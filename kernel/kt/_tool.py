"""Tools: a function, its schema, and what the kernel must know to run it."""

import copy
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, TypedDict, Unpack, get_origin, overload

from ._messages import Json
from .errors import ConfigError

Effect: TypeAlias = Literal["read", "idempotent", "once"]
"""What running twice does: "read" changes nothing, "idempotent" nothing more, "once" must never be repeated."""

Described: TypeAlias = tuple[str, Json, Callable[[dict[str, Json]], dict[str, Any]]]

BACKGROUND = "run_in_background"


@dataclass(frozen=True, slots=True)
class ToolNeeds:
    """Declare what a tool reaches: it gets no more, and of that only what its user grants.

    `reads` and `writes` are paths, with "$WS" for the working folder; `net` are hosts ("example.com:443",
    "*.example.com", "*"); `exec` are programs ("any": all); `secrets` are names of environment variables. "@name" is
    the value of that argument. `output="untrusted"` says that results may carry a stranger's words.
    """

    reads: tuple[str, ...] = ("$WS",)
    writes: tuple[str, ...] = ()
    net: tuple[str, ...] = ()
    exec: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    output: Literal["trusted", "untrusted"] = "trusted"


class Tool:
    """A tool a model can call; call it like the function it wraps.

    `effect` decides what may start early and what a retry may repeat. `parallel=False` runs it alone. `blocking=True`
    runs a sync function in a thread. `background=True` lets the model, or the user, put a call into the background.
    `needs` declares what it reaches; guards and the sandbox go by it.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        *,
        name: str | None = None,
        description: str | None = None,
        effect: Effect = "once",
        parallel: bool = True,
        blocking: bool = False,
        background: bool = False,
        needs: ToolNeeds = ToolNeeds(),
        schema: Json = None,
    ) -> None:
        if effect not in ("read", "idempotent", "once"):
            raise ConfigError(f"effect {effect!r} is none of read, idempotent, once", where=str(name or function))
        if not isinstance(needs, ToolNeeds):
            raise ConfigError(f"needs= must be a kt.ToolNeeds, not {needs!r}", where=str(name or function))
        self.function, self.name = function, str(name or getattr(function, "__name__", ""))
        if not self.name:
            raise ConfigError(f"{function!r} is no tool: it has no name", hint="@kt.tool(name=...)")
        self.effect, self.parallel, self.blocking, self.background = effect, parallel, blocking, background
        self.needs, self.is_async = needs, inspect.iscoroutinefunction(function)
        self.takes_context = _takes_context(function)
        self._description = description
        self._described: Described | None = None if schema is None else ("", schema, dict)

    def _describe(self) -> Described:
        if self._described is None:
            from ._schema import describe

            self._described = describe(self.function, skip_first=self.takes_context)
        return self._described

    @property
    def description(self) -> str:
        return self._description if self._description is not None else self._describe()[0]

    @property
    def parameters(self) -> Json:
        """Return the JSON schema of the arguments, with `run_in_background` where the tool allows it."""
        schema = self._describe()[1]
        if not self.background:
            return schema
        extra = {"type": "boolean", "description": "Return at once; the result comes later."}
        return {**schema, "properties": {**schema.get("properties", {}), BACKGROUND: extra}}

    def bind(self, arguments: dict[str, Json]) -> dict[str, Any]:
        """Return keyword arguments for the function. Raises ValueError that says what is wrong."""
        if self.background and BACKGROUND in arguments:
            arguments = {k: v for k, v in arguments.items() if k != BACKGROUND}
        return (self._described or self._describe())[2](arguments)

    def named(self, name: str) -> "Tool":
        """Return this tool under another name; itself if it has that name."""
        if name == self.name:
            return self
        other = copy.copy(self)
        other.name = name
        return other

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<Tool {self.name}>"


def _takes_context(function: Callable[..., Any]) -> bool:
    first = next(iter(inspect.signature(function).parameters.values()), None)
    if first is None:
        return False
    note = first.annotation
    if isinstance(note, str):
        return note.partition("[")[0].rpartition(".")[2] == "Context"
    return getattr(get_origin(note) or note, "__name__", "") == "Context"


class ToolOptions(TypedDict, total=False):
    """The keywords of `@kt.tool`; see Tool."""

    name: str
    description: str
    effect: Effect
    parallel: bool
    blocking: bool
    background: bool
    needs: ToolNeeds


@overload
def tool(function: Callable[..., Any], /) -> Tool: ...
@overload
def tool(**options: Unpack[ToolOptions]) -> Callable[[Callable[..., Any]], Tool]: ...
def tool(function: Callable[..., Any] | None = None, /, **options: Any) -> Any:
    """Make a tool of a function: its name, docstring and annotations become what the model sees; see Tool."""
    return Tool(function) if function is not None else lambda f: Tool(f, **options)


def as_tool(thing: object) -> Tool:
    """Return a Tool from a Tool or a function. Raises ConfigError for anything else."""
    if isinstance(thing, Tool):
        return thing
    if callable(thing) and hasattr(thing, "__name__"):
        return Tool(thing)
    raise ConfigError(f"{thing!r} is no tool", hint="decorate a function with @kt.tool")
