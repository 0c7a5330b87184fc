"""Build LLM agents out of plugins: `from kt import Agent, tool, hookimpl`.

Names are imported on first use, so that `import kt` costs nothing; names that a plugin owns come through the
entry-point group `kt.api`.
"""

_HOME = {
    "_agent": "Agent",
    "_build": "Plan Profile",
    "_bus": "Bus",
    "_codec": "decode encode",
    "_context": "Context Questions Exec ExecResult FileInfo Files Http HttpResponse Sandbox",
    "_creature": "Creature",
    "_host": "Host",
    "_inbox": "Pending",
    "_log": "Log MemoryLog",
    "_marks": "hookimpl hookspec",
    "_plugins": "Plugins",
    "_registry": "Entry Registry",
    "_messages": "Media Message Opaque Part ProviderItem Refusal Text Thinking ToolCall ToolResult Usage",
    "_provider": "Provider Request",
    "_tool": "Tool ToolNeeds tool",
    "_turn": "CallState Limits Status ToolRecord Turn TurnResult",
    "errors": "KTError Vetoed",
}
_OWNERS = {"Terrarium": "terrarium", "SessionReader": "sessions", "packages": "marketplace", "compose": "compose"}


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
        dist = f"kt-{_OWNERS[name]}"
        raise MissingPlugin(f"kt.{name} comes with {dist}: pip install {dist}")
    raise AttributeError(f"module 'kt' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(["errors", "events", *(n for names in _HOME.values() for n in names.split())])
