"""Scripts as files: their forms, where a bad step stands, and the demo without one."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from kt import Agent, Host, Plugins, tool
from kt.errors import ConfigError, DataError, NotFound
from kt_scripted.script import load


@pytest.fixture(scope="module")
def plugins() -> Plugins:
    return Plugins()


FORMS = {
    "s.json": '["hello", [{"tool": "a", "args": {"x": 1}}, {"tool": "b"}], {"tool": "c", "args": null}]',
    "s.yaml": "- hello\n- - {tool: a, args: {x: 1}}\n  - tool: b\n- tool: c\n  args:\n",
    "s.yml": "[hello, [{tool: a, args: {x: 1}}, {tool: b}], {tool: c}]",
}


@pytest.mark.parametrize("name", FORMS)
def test_a_step_is_text_or_calls(plugins: Plugins, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(FORMS[name])
    assert load(tmp_path / name, plugins.registry) == ["hello", [("a", {"x": 1}), ("b", {})], [("c", {})]]


def test_a_byte_order_mark_does_no_harm(plugins: Plugins, tmp_path: Path) -> None:
    (tmp_path / "s.json").write_bytes(b"\xef\xbb\xbf[]")
    assert load(tmp_path / "s.json", plugins.registry) == []


@pytest.mark.parametrize(
    ("name", "text", "where", "says"),
    [
        ("s.yaml", "a: 1\n", "s.yaml:1:1", "a list of steps"),
        ("s.yaml", "", "s.yaml:1:1", "a list of steps"),
        ("s.yaml", "- ok\n- 3\n", "s.yaml:2:3", "a step is"),
        ("s.yaml", "- ok\n\n- - {tool: a}\n  - {tol: a}\n", "s.yaml:3:3", "a step is"),
        ("s.yaml", "- {tool: a, arg: {}}\n", "s.yaml:1:3", "a step is"),
        ("s.yaml", "- {tool: 3}\n", "s.yaml:1:3", "a step is"),
        ("s.yaml", "- {tool: a, args: [1]}\n", "s.yaml:1:3", "a step is"),
        ("s.yaml", "- []\n", "s.yaml:1:3", "a step is"),
        ("s.yaml", "- [a\n", "s.yaml:2:1", "broken YAML"),
        ("s.json", '["ok",\n 3]', "s.json:1:1", "a step is"),
        ("s.json", '["ok",\n', "s.json:2:1", "broken JSON"),
        ("s.json", "{}", "s.json:1:1", "a list of steps"),
        ("s.json", b"\xff", "s.json", "can't read the script"),
    ],
)
def test_a_bad_step_is_placed(plugins: Plugins, tmp_path: Path, name: str, text: Any, where: str, says: str) -> None:
    (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(DataError, match=says) as raised:
        load(tmp_path / name, plugins.registry)
    assert raised.value.where == f"{tmp_path}/{where}"


def test_a_script_that_is_not_there_is_not_found(plugins: Plugins, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"s\.yaml"):
        load(tmp_path / "s.yaml", plugins.registry)


@pytest.mark.parametrize("name", ["s.txt", "s"])
def test_a_form_that_no_plugin_reads_is_refused(plugins: Plugins, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("[]")
    with pytest.raises(ConfigError, match="no plugin reads"):
        load(tmp_path / name, plugins.registry)


@tool(effect="read")
def look() -> str:
    """Look around."""
    return "a.txt"


@tool(effect="read")
def search(pattern: str) -> str:
    """Search."""
    return pattern


@tool
def wipe() -> str:
    """Wipe everything."""
    raise AssertionError("the demo changes nothing")


def play(plugins: Plugins, llm: Any, *tools: Any) -> Any:
    async def run() -> Any:
        async with Host(plugins) as host, await Agent.build({"name": "t"}, llm=llm, tools=tools, host=host) as agent:
            return agent.model, await agent.run("hello")

    return asyncio.run(run())


def test_the_demo_calls_the_first_tool_that_only_looks_and_says_what_it_is(plugins: Plugins) -> None:
    model, result = play(plugins, "scripted", wipe, search, look)
    assert model == "scripted"
    assert [r.name for r in result.tool_calls] == ["look"]
    assert result.text == "This is the scripted demo, not a model. The tool said:\na.txt"


def test_the_demo_works_without_a_tool(plugins: Plugins) -> None:
    _, result = play(plugins, "scripted", wipe, search)
    assert result.text == "This is the scripted demo, not a model. It calls no tool."


def test_a_script_is_a_model_by_its_path(plugins: Plugins, tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text("- tool: look\n- It is there.\n")
    _, result = play(plugins, f"scripted/{tmp_path}/s.yaml", look)
    assert ([r.result for r in result.tool_calls], result.text) == (["a.txt"], "It is there.")


def test_an_option_it_does_not_have_is_refused(plugins: Plugins) -> None:
    with pytest.raises(ConfigError, match="'speed'"):
        play(plugins, {"provider": "scripted", "speed": 3})
