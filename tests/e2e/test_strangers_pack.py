"""The pack of docs/packs.md, as its reader would have written it, in every surface of an installed product."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pexpect
import pytest

from .product import ROOT, Product, run, uv, wheel_of

KEEPER = "@kt-aviary/creatures/keeper"
FILE = re.compile(r"^\*\*`(kt_aviary/[^`]+)`\*\*\n```\w*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PYTHON = """
import asyncio

from kt import Agent, Terrarium
from kt.compose import agent, pure

KEEPER = "@kt-aviary/creatures/keeper"


async def main():
    async with await Agent.build(KEEPER, llm="parrot/moody") as one:
        print((await one.run("hello owl")).text)
        print([tool.name for tool in one.tool_list], [a.name for a in one.active])
    async with Terrarium(llm="parrot") as engine:
        left = await engine.add_creature(KEEPER, name="left")
        right = await engine.add_creature(KEEPER, name="right")
        await engine.connect(left, right, channel="talk")
        await engine.send("talk", "hello robin", sender="left")
        await engine.quiet()
        print(right.agent.history[-1].text)
    async with agent(KEEPER, llm="parrot") >> pure(str.upper) as line:
        print(await line("hello stork"))


asyncio.run(main())
"""


@pytest.fixture(scope="module")
def aviary(product: Product, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the wheel of the pack that the page makes, built from its text alone."""
    folder = tmp_path_factory.mktemp("aviary")
    run(product.bin / "kt", "new", "pack", "aviary", cwd=folder, env=product.env)
    source = folder / "kt-aviary"
    run("rm", "-r", "kt_aviary/creatures", "kt_aviary/skills", cwd=source)
    for name, text in FILE.findall((ROOT / "docs" / "packs.md").read_text()):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(text)
    uv("build", "--wheel", "-q", "-o", folder, source)
    return wheel_of(folder, "kt-aviary")


@pytest.fixture(scope="module")
def keeper(product: Product, aviary: Path) -> Product:
    """Return the product with the pack installed, which nobody asked twice about."""
    done = product.kt("install", str(aviary), "--yes")
    assert (done.returncode, done.stdout) == (0, "installed kt-aviary 0.1.0\n"), done.stderr
    return product


def answers(product: Product, *words: str) -> str:
    done = product.kt(*words)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_headless_in_every_output(keeper: Product) -> None:
    assert answers(keeper, "run", KEEPER, "hello owl", "--model", "parrot/moody") == "hello owl \n"
    result = json.loads(answers(keeper, "run", KEEPER, "hello", "--model", "parrot", "--output", "json"))
    assert (result["status"], result["text"], result["usage"]["input"]) == ("ok", "hello ", 1)
    lines = answers(keeper, "run", KEEPER, "hello", "--model", "parrot/moody", "--output", "stream-json")
    events = [json.loads(line) for line in lines.splitlines()]
    assert "llm_retry" in {event.get("type") for event in events}
    assert events[-1]["type"] == "result"
    (keeper.work / "steps.yaml").write_text("- [{tool: wingspan, args: {bird: owl}}]\n- 95 cm.\n")
    result = json.loads(answers(keeper, "run", KEEPER, "hi", "--scripted", "steps.yaml", "--output", "json"))
    assert [call["result"] for call in result["tool_calls"]] == ["95 cm"]


def test_conversations_sessions_and_teams(keeper: Product) -> None:
    piped = subprocess.run(
        [keeper.bin / "kt", "run", KEEPER, "--mode", "plain", "--model", "parrot"],
        cwd=keeper.work, env=keeper.env, input="/birds o\nhello\n", capture_output=True, text=True, timeout=60,
        check=True,
    )  # fmt: skip
    assert (piped.stderr.split(), piped.stdout.split()) == (["owl"], ["hello"])
    answers(keeper, "run", KEEPER, "hello", "--model", "parrot", "--session", "birds.ktlog")
    assert answers(keeper, "resume", "birds.ktlog", "again") == "again \n"
    assert "Polly" in answers(keeper, "run", KEEPER, "Polly", "--model", "parrot", "--add", f"{KEEPER}=other")
    (keeper.work / "own.yaml").write_text(f"base: '{KEEPER}'\ntriggers: ['no:dawn']\nprompt: You like owls best.\n")
    assert answers(keeper, "run", "./own.yaml", "hello", "--model", "parrot/moody") == "hello \n"
    evals = {"tasks": [{"name": "talk", "prompt": "owl", "checks": [{"answer": "owl"}]}]}
    (keeper.work / "evals.yaml").write_text(json.dumps(evals))
    assert "1 passed" in answers(keeper, "eval", KEEPER, "--evals", "evals.yaml", "--model", "parrot")


def test_on_a_terminal(keeper: Product) -> None:
    words = ["run", KEEPER, "--model", "parrot", "--no-session"]
    child: Any = pexpect.spawn(
        str(keeper.bin / "kt"), words, cwd=str(keeper.work), env=keeper.env | {"TERM": "dumb"}, encoding="utf-8",
        timeout=30,
    )  # fmt: skip
    child.sendline("/birds")
    child.expect("owl, robin, stork")
    child.sendline("hello there")
    child.expect("hello there")
    child.sendeof()
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0


def test_in_python(keeper: Product) -> None:
    program = keeper.work / "birds.py"
    program.write_text(PYTHON)
    said = run(keeper.bin / "python", "-W", "error", program, cwd=keeper.work, env=keeper.env).splitlines()
    assert said[:2] == ["hello owl ", "['wingspan'] ['patience']"]
    assert "hello robin" in said[2]
    assert said[3:] == ["HELLO STORK "]


def test_it_is_seen_from_inside(keeper: Product) -> None:
    rows = json.loads(answers(keeper, "plugins", "list", "--json"))
    own = {(row["kind"], row["name"]) for row in rows if row["distribution"] == "kt-aviary"}
    wanted = {("tool", "wingspan"), ("provider", "parrot"), ("plugin", "patience"), ("trigger", "dawn")}
    assert wanted | {("chat_command", "birds")} <= own
    why = answers(keeper, "plugins", "why", "kt_around_llm_call", "--creature", KEEPER)
    assert "patience (kt-aviary 0.1.0)" in " ".join(why.split())
    assert "wingspan" in answers(keeper, "context", KEEPER)
    assert "kt-aviary" in answers(keeper, "info", "@kt-aviary")
    found = json.loads(answers(keeper, "list", "--json"))
    assert KEEPER in [row["name"] for row in found]
    assert sys.prefix not in why


def test_its_rows_and_nothing_else_go_with_it(keeper: Product) -> None:
    def rows() -> set[tuple[str, str, str]]:
        listed = json.loads(answers(keeper, "plugins", "list", "--json"))
        return {(row["kind"], row["name"], row["distribution"]) for row in listed}

    before = rows()
    assert answers(keeper, "uninstall", "kt-aviary", "--yes") == "removed kt-aviary 0.1.0\n"
    assert before - rows() == {row for row in before if row[2] == "kt-aviary"}
    assert rows() - before == set()
    answers(keeper, "rollback", "--yes")
    assert rows() == before
