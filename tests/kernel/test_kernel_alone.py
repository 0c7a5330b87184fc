"""kt-core with its dependencies and nothing else, in a process of its own."""

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

Run = Callable[..., CompletedProcess[str]]
TURN = """
import asyncio, json, sys
from kt import Agent, tool
from kt.testing import ScriptedLLM

@tool
def count_words(text: str) -> str:
    "Count the words in a text."
    return str(len(text.split()))

async def main():
    llm = ScriptedLLM([[("count_words", {"text": "a b c"})], "three"])
    async with await Agent.build({"name": "alone"}, llm=llm, tools=[count_words]) as agent:
        result = await agent.run("How many words?")
        print(json.dumps([result.status, result.text, [c.result for c in result.tool_calls]]))

asyncio.run(main())
"""


def test_the_kernel_alone_completes_a_turn(core_python: Run) -> None:
    done = core_python(TURN)
    assert done.stderr == ""
    assert json.loads(done.stdout) == ["ok", "three", ["3"]]


def test_the_kernel_has_a_handful_of_dependencies(core_site: Path) -> None:
    packages = {p.name for p in core_site.iterdir() if p.is_dir() and p.suffix != ".dist-info"}
    assert {"pluggy", "anyio", "pydantic"} <= packages
    assert len(packages) <= 8, packages


@pytest.mark.parametrize(
    ("code", "banned"),
    [
        ("import kt", "asyncio pydantic pydantic_core pluggy anyio typing dataclasses importlib.metadata"),
        ("from kt import hookimpl, hookspec", "asyncio pydantic pydantic_core pluggy anyio dataclasses"),
        ("import kt; kt.Plugins().registry.names('tool')", "asyncio pydantic pydantic_core anyio importlib.metadata"),
        ("from kt import Agent, tool, Message", "pydantic pydantic_core anyio importlib.metadata"),
    ],
)
def test_what_is_not_used_is_not_imported(core_python: Run, code: str, banned: str) -> None:
    done = core_python(f"{code}\nimport sys; print(*sorted(set({banned.split()!r}) & set(sys.modules)))")
    assert (done.stderr, done.stdout.split()) == ("", [])


def test_what_other_distributions_bring_is_told_with_its_install_line(core_python: Run) -> None:
    code = """
import asyncio, kt
from kt.testing import ScriptedLLM
async def tell(**options):
    try:
        await kt.Agent.build(options.pop("creature", {}), **{"llm": ScriptedLLM(), **options})
    except kt.KTError as error:
        print(error.line())
async def main():
    await tell(creature="@kt-biome/creatures/general")
    await tell(output_type=int)
    await tell(subagents=["plan"])
    await tell(session="s")
    await tell(profile="ci")
    await tell(llm="default")
    await tell(llm="openai/gpt")
asyncio.run(main())
"""
    done = core_python(code)
    lines = done.stdout.splitlines()
    assert done.stderr == ""
    assert [line.partition("]")[0] for line in lines] == ["error[E-CONFIG"] * 7
    wanted = ["kt-config", "kt-output", "kt-subagents", "kt-sessions", "kt-config", "kt-config", "kt-config"]
    assert [want for want, line in zip(wanted, lines, strict=True) if want not in line] == []
