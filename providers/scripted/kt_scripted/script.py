"""Scripts as files: a list of steps, each a string or a list of {tool: name, args: {...}}."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from kt import Host, Registry, Request
from kt.errors import ConfigError, DataError, NotFound
from kt.testing import ScriptedLLM


class RunSettings(Protocol):
    llm: object
    registry: Registry


def option(settings: RunSettings, value: str) -> None:
    """Make `kt run --scripted FILE` play that file."""
    settings.llm = ScriptedLLM(load(Path(value), settings.registry))


def provider(model: str, options: Mapping[str, Any], host: Host) -> ScriptedLLM:
    """Return a model that plays the file called `model`, or without one a demo of two steps."""
    if options:
        raise ConfigError(f"the scripted provider takes no option {next(iter(options))!r}")
    return ScriptedLLM(load(Path(model), host.registry) if model else demo)


def demo(request: Request) -> Any:
    """Answer any prompt: look at the folder with the first tool that takes no argument, then say what this is."""
    last = request.messages[-1]
    if last.role == "user":
        for tool in request.tools:
            if tool.effect == "read" and not tool.parameters.get("required"):
                return [(tool.name, {})]
    seen = "\n".join(part.text for part in last.parts if part.kind == "tool_result")
    return "This is the scripted demo, not a model. " + (f"The tool said:\n{seen}" if seen else "It calls no tool.")


def load(path: Path, registry: Registry) -> list[Any]:
    """Return the steps of a script file. Raises NotFound, and DataError with the place of a bad step."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise NotFound(f"no script file {str(path)!r}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"can't read the script: {error}", where=str(path)) from error
    data, locate = _parsed(text, path, registry)
    if not isinstance(data, list):
        raise DataError("a script is a list of steps", where=f"{path}:1:1")
    steps = []
    for index, step in enumerate(data):
        line, column = locate([index])
        steps.append(_step(step, f"{path}:{line}:{column}"))
    return steps


def _parsed(text: str, path: Path, registry: Registry) -> Any:
    if path.suffix == ".json":
        try:
            return json.loads(text), lambda keys: (1, 1)
        except ValueError as error:
            at = f":{getattr(error, 'lineno', 1)}:{getattr(error, 'colno', 1)}"
            raise DataError(f"broken JSON: {error}", where=f"{path}{at}") from None
    entry = registry.find("format", path.suffix.lstrip("."))
    if entry is None:
        raise ConfigError(f"no plugin reads {path.suffix or 'this'} files", where=str(path), hint="pip install kt-yaml")
    return entry.load()(text, path)


def _step(step: Any, where: str) -> Any:
    if isinstance(step, str):
        return step
    calls = step if isinstance(step, list) else [step]
    if not calls or not all(map(_is_call, calls)):
        raise DataError("a step is a string or a list of {tool: name, args: {...}}", where=where)
    return [(call["tool"], call.get("args") or {}) for call in calls]


def _is_call(data: Any) -> bool:
    if not isinstance(data, dict) or set(data) - {"tool", "args"}:
        return False
    return isinstance(data.get("tool"), str) and isinstance(data.get("args") or {}, dict)
