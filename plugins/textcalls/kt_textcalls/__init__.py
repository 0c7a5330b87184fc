"""Tool calls as schema-constrained text, for models without (good) native ones."""

from typing import TYPE_CHECKING

from kt import hookimpl

if TYPE_CHECKING:
    from kt import Registry


@hookimpl
def kt_register(registry: "Registry") -> None:
    registry.plugin("textcalls", "kt_textcalls.plugin:TextCalls", help="tool calls as one JSON action a reply")
    registry.plugin("repeat_guard", "kt_textcalls.repeat:RepeatGuard", help="stop a model that repeats a call")
