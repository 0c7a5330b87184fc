"""Wheels in environments of their own: the kernel alone, the product, and a stranger's pack beside it."""

import json
import sys
import textwrap
import tomllib
from pathlib import Path
from typing import Any

import pytest

from .product import ROOT, Product, built, distributions, run, uv, wheel_of

MEADOW = {
    "kt_meadow/__init__.py": """
from kt import hookimpl


@hookimpl
def kt_register(registry):
    registry.tool("count_legs", "kt_meadow.tools:count_legs", help="counts the legs of animals")
    registry.plugin("stamp", "kt_meadow.plugin:Stamp", help="stamps every result")
    registry.creature("grazer", "kt_meadow:creatures/grazer", help="counts legs")
    registry.trigger("dawn", "kt_meadow.ends:dawn", help="says what the day begins with")
    registry.input("bell", "kt_meadow.ends:bell", help="rings once")
    registry.output("ledger", "kt_meadow.ends:ledger", help="writes answers to a file")
    registry.add("subagent", "shepherd", "kt_meadow.ends:SHEPHERD", help="looks after the herd")
""",
    "kt_meadow/ends.py": """
from contextlib import asynccontextmanager
from pathlib import Path

from kt.events import TurnEnded

SHEPHERD = {"description": "Looks after the herd", "prompt": "You are the shepherd.", "tools": ["count_legs"]}


@asynccontextmanager
async def dawn(agent, *, say):
    agent.send(say, source="dawn")
    yield


@asynccontextmanager
async def bell(agent):
    agent.send("the bell rings", source="bell")
    yield


@asynccontextmanager
async def ledger(agent, *, path):
    def note(event):
        with Path(path).open("a") as file:
            print(event.result.text, file=file)

    off = agent.bus.on(TurnEnded, note)
    yield
    off()
""",
    "kt_meadow/creatures/flock/creature.yaml": """
prompt: You are the farm.
tools: [count_legs]
triggers: [{name: dawn, say: the sun rises}]
input: bell
outputs: [{name: ledger, path: ledger.txt}]
subagents: [shepherd]
""",
    "kt_meadow/tools.py": """
from kt import tool


@tool(effect="read")
def count_legs(cows: int, hens: int = 0) -> int:
    \"\"\"Count the legs of a herd.\"\"\"
    return 4 * cows + 2 * hens
""",
    "kt_meadow/plugin.py": """
from dataclasses import replace

from kt import Text, hookimpl


class Stamp:
    @hookimpl
    async def kt_around_tool_call(self, agent, call, next):
        result = await next(call)
        return replace(result, parts=[*result.parts, Text(" (stamped)")])

    @hookimpl
    def kt_prompt(self, agent):
        return "Every result is stamped."
""",
    "kt_meadow/creatures/grazer/creature.yaml": """
description: Counts legs
prompt_file: prompt.md
tools: [count_legs]
plugins: [stamp]
""",
    "kt_meadow/creatures/grazer/prompt.md": "You count legs.\n",
    "kt_meadow/kt-pack.toml": """[pack]
name = "kt-meadow"
version = "0.4.0"
description = "Cows and hens"
kt = ">=0.1,<1"
[needs]
writes = ["$WS"]
""",
}
RIVAL = {
    "kt_rival/__init__.py": """
from kt import hookimpl


@hookimpl
def kt_register(registry):
    registry.tool("count_legs", "kt_rival:nothing", help="counts other legs")
""",
}


@pytest.fixture(scope="module")
def meadow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(tmp_path_factory.mktemp("meadow"), "kt-meadow", "0.4.0", MEADOW)


def test_the_kernel_alone_completes_a_turn_and_needs_little(wheels: Path, tmp_path: Path) -> None:
    python = tmp_path / "env" / "bin" / "python"
    run(sys.executable, "-m", "venv", tmp_path / "env")
    run(python, "-m", "pip", "install", "-q", wheel_of(wheels, "kt-core"))
    (tmp_path / "turn.py").write_text(
        "import asyncio, kt\n"
        "from kt.testing import ScriptedLLM\n"
        "@kt.tool\n"
        "def double(x: int) -> int:\n"
        "    return 2 * x\n"
        "async def main():\n"
        "    llm = ScriptedLLM([[('double', {'x': 21})], 'It is 42.'])\n"
        "    async with await kt.Agent.build({'name': 'a'}, llm=llm, tools=[double]) as agent:\n"
        "        result = (await agent.run('go')).unwrap()\n"
        "    print(result.status, result.text, result.tool_calls[0].result)\n"
        "asyncio.run(main())\n"
    )
    assert run(python, "-W", "error", "turn.py", cwd=tmp_path) == "ok It is 42. 42\n"
    found = distributions(python)
    print(f"\nkt-core needs {len(found)} third-party distributions: {', '.join(sorted(found))}")
    assert len(found) <= 20


ALONE = {
    "terrarium": """
        from kt import Terrarium
        async with Terrarium(llm=ScriptedLLM(lambda request: "heard")) as engine:
            ant = await engine.add_creature({"name": "ant"})
            owl = await engine.add_creature({"name": "owl"})
            await engine.connect(ant, owl, channel="talk")
            await engine.send("talk", "hello", sender="ant")
            await engine.quiet()
            print(owl.agent.history[-1].text)
    """,
    "compose": """
        from kt.compose import factory, pure
        async with pure(str.strip) >> factory({}, llm=ScriptedLLM(lambda request: "heard")) as pipeline:
            print(await pipeline(" hello "))
    """,
    "triggers": """
        from kt.events import TurnEnded
        creature = {"triggers": [{"name": "startup", "prompt": "hello"}]}
        async with await Agent.build(creature, llm=ScriptedLLM(["heard"])) as agent:
            async with agent.bus.stream(TurnEnded) as ended:
                print((await anext(ended)).result.text)
    """,
    "io": """
        creature = {"outputs": ["stdout"]}
        async with await Agent.build(creature, llm=ScriptedLLM(["heard"])) as agent:
            await agent.run("hello")
    """,
    "subagents": """
        def answer(request):
            last = request.messages[-1]
            if request.system == "You help.":
                return "heard"
            if last.role == "tool":
                return last.parts[0].text.split()[-1]
            return [("task", {"agent": "helper", "prompt": "hello", "wait": True})]
        helper = {"name": "helper", "prompt": "You help."}
        async with await Agent.build({}, llm=ScriptedLLM(answer), subagents=[helper]) as agent:
            print((await agent.run("go")).text)
    """,
}
"""What each of these does beside the kernel and what it declares, with none of the others installed."""


@pytest.mark.parametrize("name", ALONE)
def test_a_plugin_of_ours_needs_none_of_the_others(name: str, wheels: Path, tmp_path: Path) -> None:
    python = tmp_path / "env" / "bin" / "python"
    uv("venv", "-q", "--python", sys.executable, tmp_path / "env")
    data = tomllib.loads((ROOT / "plugins" / name / "pyproject.toml").read_text())
    needed = [d for d in data["project"]["dependencies"] if d.startswith("kt-")]
    uv("pip", "install", "-q", "--python", python, *(wheel_of(wheels, dist) for dist in (f"kt-{name}", *needed)))
    body = textwrap.indent(textwrap.dedent(ALONE[name]), "    ")
    head = "import asyncio\nfrom kt import Agent\nfrom kt.testing import ScriptedLLM\n\n\nasync def main():\n"
    (tmp_path / "alone.py").write_text(f"{head}{body}\n\nasyncio.run(main())\n")
    assert run(python, "-W", "error", "alone.py", cwd=tmp_path) == "heard\n"


def test_the_product_needs_little(product: Product) -> None:
    found = distributions(product.bin / "python")
    print(f"\nkterrarium needs {len(found)} third-party distributions: {', '.join(sorted(found))}")
    assert len(found) <= 27
    assert product.kt("--version").stdout.startswith("kt ")
    listed = json.loads(product.kt("list", "--all", "--json").stdout)
    assert "xllamacpp" not in found
    assert {"general", "swe", "read", "permissions"} <= {row["name"] for row in listed}


def test_the_product_runs_its_own_creatures_and_scaffolds(product: Product) -> None:
    (product.work / "note.txt").write_text("remember the milk\n")
    (product.work / "read.yaml").write_text("- {tool: read, args: {path: note.txt}}\n- Milk.\n")
    done = product.kt("run", "@kt-biome/creatures/general", "What?", "--scripted", "read.yaml", "--output", "json")
    result = json.loads(done.stdout)
    assert (result["status"], result["text"]) == ("ok", "Milk.")
    assert "remember the milk" in result["tool_calls"][0]["result"]


def play(product: Product, *words: str) -> dict[str, Any]:
    (product.work / "legs.yaml").write_text("- {tool: count_legs, args: {cows: 2, hens: 1}}\n- Ten legs.\n")
    done = product.kt("run", *words, "How many?", "--scripted", "legs.yaml", "--output", "json")
    data: dict[str, Any] = json.loads(done.stdout)
    assert done.returncode == (data["error"] or {"exit_code": 0})["exit_code"]
    return data


def test_a_strangers_wheel_is_found_and_used_with_no_other_step(product: Product, meadow: Path) -> None:
    product.install(meadow)
    refused = play(product, "@kt-meadow/creatures/grazer")["error"]
    assert (refused["code"], refused["exit_code"]) == ("E-REFUSED", 77)
    assert refused["hint"] == "kt trust @kt-meadow"
    assert product.kt("trust", "@kt-meadow").stdout == "kt-meadow may change the working folder\nkt-meadow is trusted\n"
    for reference in ("@kt-meadow/creatures/grazer", "@kt-meadow/creatures/grazer/creature.yaml"):
        result = play(product, reference)
        assert (result["status"], result["text"]) == ("ok", "Ten legs.")
        assert [call["result"] for call in result["tool_calls"]] == ["10 (stamped)"]
    assert "@kt-meadow/creatures/grazer counts legs (kt-meadow 0.4.0)" in " ".join(product.kt("list").stdout.split())
    explained = product.kt("run", "@kt-meadow/creatures/grazer", "--explain", "--model", "scripted").stdout
    assert "stamp (kt-meadow 0.4.0)" in explained
    assert "Every result is stamped." not in explained
    assert "grazer 15, stamp 24" in explained
    assert "kt-meadow 0.4.0" in product.kt("info", "count_legs").stdout
    (product.work / "own.yaml").write_text("tools: [count_legs]\n")
    assert [c["result"] for c in play(product, "./own.yaml", "-p", "stamp")["tool_calls"]] == ["10 (stamped)"]
    assert [c["result"] for c in play(product, "./own.yaml")["tool_calls"]] == ["10"]


FLOCK = """
import asyncio
from kt import Agent
from kt.testing import ScriptedLLM

def answer(request):
    said = request.messages[-1]
    if request.system.startswith("You are the shepherd"):
        return "all there" if said.role == "tool" else [("count_legs", {"cows": 3})]
    if said.role == "tool":
        return "the shepherd says: " + said.parts[0].text.split("]")[-1].strip()
    if said.text == "count them":
        return [("task", {"agent": "shepherd", "prompt": "count", "wait": True})]
    return "heard: " + said.text

async def main():
    async with await Agent.build("@kt-meadow/creatures/flock", llm=ScriptedLLM(answer)) as agent:
        print((await agent.run("count them")).text)
        while agent.has_input or agent.turn:
            await asyncio.sleep(0.01)

asyncio.run(main())
"""


def test_a_strangers_trigger_input_output_and_sub_agent_work_by_name(product: Product, meadow: Path) -> None:
    product.install(meadow)
    program = product.work / "flock.py"
    program.write_text(FLOCK)
    said = run(product.bin / "python", "-W", "error", program, cwd=product.work, env=product.env)
    assert said == "the shepherd says: all there\n"
    ledger = (product.work / "ledger.txt").read_text().splitlines()
    assert sorted(ledger) == ["heard: the bell rings", "heard: the sun rises", "the shepherd says: all there"]


def test_a_second_wheel_that_claims_the_name_fails_naming_both(product: Product, meadow: Path, tmp_path: Path) -> None:
    product.install(meadow, built(tmp_path, "kt-rival", "2.0.0", RIVAL))
    try:
        result = play(product, "@kt-meadow/creatures/grazer")
        assert result["error"]["code"] == "E-CLASH"
        assert result["error"]["exit_code"] == 78
        assert "'count_legs' is registered by kt-meadow 0.4.0 and by kt-rival 2.0.0" in result["error"]["message"]
        assert "kt-rival 2.0.0" in product.kt("doctor").stdout
        assert play(product, "@kt-meadow/creatures/grazer", "--skip-bad-plugins")["text"] == "Ten legs."
    finally:
        assert product.kt("uninstall", "--yes", "kt-rival").stderr.endswith("hint: pip uninstall kt-rival\n")
        uv("pip", "uninstall", "-q", "--python", product.bin / "python", "kt-rival")
    assert play(product, "@kt-meadow/creatures/grazer")["text"] == "Ten legs."
