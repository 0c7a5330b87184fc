"""Build LLM agents out of plugins: `from kt import Agent, tool, hookimpl`.

Names are imported on first use, so that `import kt` costs nothing; names that a plugin owns come through the
entry-point group `kt.api`.
"""

TYPE_CHECKING = False  # type checkers take it for True; importing typing would double the start of `kt --version`

if TYPE_CHECKING:
    from . import errors as errors
    from . import events as events
    from ._agent import Agent as Agent
    from ._build import Plan as Plan
    from ._build import Profile as Profile
    from ._bus import Bus as Bus
    from ._codec import decode as decode
    from ._codec import encode as encode
    from ._context import Context as Context
    from ._context import Exec as Exec
    from ._context import ExecResult as ExecResult
    from ._context import FileInfo as FileInfo
    from ._context import Files as Files
    from ._context import Http as Http
    from ._context import HttpResponse as HttpResponse
    from ._context import Sandbox as Sandbox
    from ._creature import Creature as Creature
    from ._host import Host as Host
    from ._log import Log as Log
    from ._log import MemoryLog as MemoryLog
    from ._marks import hookimpl as hookimpl
    from ._marks import hookspec as hookspec
    from ._messages import Media as Media
    from ._messages import Message as Message
    from ._messages import Opaque as Opaque
    from ._messages import Part as Part
    from ._messages import ProviderItem as ProviderItem
    from ._messages import Refusal as Refusal
    from ._messages import Text as Text
    from ._messages import Thinking as Thinking
    from ._messages import ToolCall as ToolCall
    from ._messages import ToolResult as ToolResult
    from ._messages import Usage as Usage
    from ._plugins import Plugins as Plugins
    from ._provider import Provider as Provider
    from ._provider import Request as Request
    from ._registry import Entry as Entry
    from ._registry import Registry as Registry
    from ._tool import Tool as Tool
    from ._tool import tool as tool
    from ._turn import Limits as Limits
    from ._turn import Status as Status
    from ._turn import ToolRecord as ToolRecord
    from ._turn import Turn as Turn
    from ._turn import TurnResult as TurnResult
    from .errors import KTError as KTError
    from .errors import Vetoed as Vetoed

_HOME = {
    "_agent": "Agent",
    "_build": "Plan Profile",
    "_bus": "Bus",
    "_codec": "decode encode",
    "_context": "Context Exec ExecResult FileInfo Files Http HttpResponse Sandbox",
    "_creature": "Creature",
    "_host": "Host",
    "_log": "Log MemoryLog",
    "_marks": "hookimpl hookspec",
    "_plugins": "Plugins",
    "_registry": "Entry Registry",
    "_messages": "Media Message Opaque Part ProviderItem Refusal Text Thinking ToolCall ToolResult Usage",
    "_provider": "Provider Request",
    "_tool": "Tool tool",
    "_turn": "Limits Status ToolRecord Turn TurnResult",
    "errors": "KTError Vetoed",
}
_OWNERS = {
    "Terrarium": "kt-terrarium",
    "SessionReader": "kt-sessions",
    "packages": "kt-marketplace",
    "compose": "kt-compose",
}


def __getattr__(name: str) -> object:
    """Import a public name on first use. Raises MissingPlugin with the install line for one that a plugin brings."""
    from importlib import import_module

    if name in ("events", "errors"):
        value: object = import_module(f"kt.{name}")
    elif home := next((m for m, names in _HOME.items() if name in names.split()), None):
        value = getattr(import_module(f"kt.{home}"), name)
    else:
        value = _from_plugin(name)
    globals()[name] = value
    return value


def _from_plugin(name: str) -> object:
    if name.startswith("_"):
        raise AttributeError(f"module 'kt' has no attribute {name!r}")
    from ._discovery import entry_points
    from .errors import MissingPlugin

    for point in entry_points("kt.api"):
        if point.name == name:
            return point.load()
    if name in _OWNERS:
        dist = _OWNERS[name]
        raise MissingPlugin(f"kt.{name} comes with {dist}: pip install {dist}")
    raise AttributeError(f"module 'kt' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(["errors", "events", *(n for names in _HOME.values() for n in names.split())])
