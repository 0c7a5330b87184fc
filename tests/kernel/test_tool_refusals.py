"""What is no tool is refused by name, at the latest when the agent is built."""

from functools import partial
from typing import Any

import pytest
from kt import Agent, Tool, tool
from kt.errors import ConfigError
from kt.testing import ScriptedLLM

pytestmark = pytest.mark.anyio


def variadic(*args: str) -> None: ...
def keywords(**kwargs: str) -> None: ...
def positional(a: str, /) -> None: ...
def foreign(a: object, b: type[Any] | Tool) -> None: ...
def unresolved(a: "Nowhere") -> None: ...  # type: ignore[name-defined]  # noqa: F821


@pytest.mark.parametrize("function", [variadic, keywords, positional, foreign, unresolved])
async def test_a_function_that_makes_no_schema_is_refused_by_name(function: Any) -> None:
    with pytest.raises(ConfigError, match=repr(function.__name__)):
        _ = tool(function).parameters


async def test_a_bad_tool_is_refused_when_the_agent_is_built() -> None:
    with pytest.raises(ConfigError, match="'variadic' takes \\*args"):
        await Agent.build({}, llm=ScriptedLLM(), tools=[variadic])


@pytest.mark.parametrize("thing", [partial(str, "a"), 3, None])
async def test_what_has_no_name_is_refused_when_the_agent_is_built(thing: Any) -> None:
    with pytest.raises(ConfigError, match="is no tool"):
        await Agent.build({}, llm=ScriptedLLM(), tools=[thing])


def test_the_decorator_refuses_what_has_no_name() -> None:
    with pytest.raises(ConfigError, match="is no tool"):
        tool(partial(str, "a"))
