"""Configuration files: what they hold, where each key stands, and creatures made of them."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from kt import Agent, Plugins
from kt.errors import ConfigError, DataError, NotFound
from kt.testing import ScriptedLLM
from kt_config.creatures import load, load_tool
from kt_config.documents import interpolate, load_file, load_toml

TOML = '''# a comment
name = "x"
prompt = """
tools = "not a key"
[limits]
"""
llm = [
  ["a"],
  "b",
]
"quoted key" = 1
a.b = 2

[limits]
  max_turns = 3

[plugins."my-plugin"]
deep = {inner = 1}

[[subagents]]
name = "first"
[[subagents]]
name = "second"
[subagents.plugins]
x = 1
'''


@pytest.mark.parametrize(
    ("keys", "place"),
    [
        (["name"], (2, 1)),
        (["prompt"], (3, 1)),
        (["llm"], (7, 1)),
        (["llm", 1], (7, 1)),
        (["quoted key"], (11, 1)),
        (["a", "b"], (12, 1)),
        (["limits"], (14, 2)),
        (["limits", "max_turns"], (15, 3)),
        (["plugins", "my-plugin"], (17, 2)),
        (["plugins", "my-plugin", "deep", "inner"], (18, 1)),
        (["subagents", 0, "name"], (21, 1)),
        (["subagents", 1, "name"], (23, 1)),
        (["subagents", 1, "plugins", "x"], (25, 1)),
        (["nothing of that name"], (1, 1)),
        ([], (1, 1)),
    ],
)
def test_a_key_of_toml_is_located(keys: list[str | int], place: tuple[int, int]) -> None:
    document = load_toml(TOML, Path("c.toml"))
    assert document.locate(keys) == place
    assert document.where(keys) == f"c.toml:{place[0]}:{place[1]}"


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("name = \n", "c.toml:1:8"),
        ('a = 1\nb = "open\n', "c.toml:2:10"),
        ("a = 1\na = 2\n", "c.toml:2:6"),
        ("[a\n", "c.toml:1:3"),
        ("a = [1,\n2", "c.toml:2:1"),
    ],
)
def test_broken_toml_is_placed(text: str, where: str) -> None:
    with pytest.raises(DataError, match="broken TOML") as raised:
        load_toml(text, Path("c.toml"))
    assert raised.value.where == where
    assert "line" not in raised.value.what


@pytest.mark.parametrize(
    ("name", "data", "kind", "what"),
    [
        ("c.toml", b"\xff", DataError, "not UTF-8 at byte 0"),
        ("c.toml", b"a = 1\n" + b"#" * (1 << 20), DataError, "too large"),
        ("c.yaml", b"- a list\n", DataError, "must hold a mapping"),
        ("c.json", b"{}", ConfigError, "no plugin reads .json"),
        ("c", b"", ConfigError, "no plugin reads"),
    ],
)
def test_a_file_that_is_no_configuration_is_refused(
    plugins: Plugins, tmp_path: Path, name: str, data: bytes, kind: type[Exception], what: str
) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(kind, match=what) as raised:
        load_file(tmp_path / name, plugins.registry)
    assert str(tmp_path / name) in str(raised.value)


def test_a_file_that_is_not_there_is_not_found(plugins: Plugins, tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        load_file(tmp_path / "c.toml", plugins.registry)


def test_a_byte_order_mark_and_an_empty_file_do_no_harm(plugins: Plugins, tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_bytes(b"\xef\xbb\xbfname = 'x'\n")
    assert load_file(tmp_path / "c.toml", plugins.registry).data == {"name": "x"}
    (tmp_path / "c.yaml").write_bytes(b"")
    assert load_file(tmp_path / "c.yaml", plugins.registry).data == {}


def fill(value: Any, **environ: str) -> Any:
    return interpolate(value, environ, lambda keys, name: LookupError(keys, name))  # type: ignore[arg-type,return-value]


@pytest.mark.parametrize(
    ("value", "filled"),
    [
        ("${A}", "1"),
        ("${A}-${A}", "1-1"),
        ("${NO:fallback}", "fallback"),
        ("${NO:}", ""),
        ("${A:unused}", "1"),
        ("${NO:http://x/y}", "http://x/y"),
        ({"k": ["${A}", {"${A}": "${NO:2}"}], "n": 3}, {"k": ["1", {"${A}": "2"}], "n": 3}),
        ("$A ${} ${1X} {A}", "$A ${} ${1X} {A}"),
        (None, None),
    ],
)
def test_variables_are_filled_in(value: Any, filled: Any) -> None:
    assert fill(value, A="1") == filled


def test_what_a_variable_holds_is_not_filled_in_again() -> None:
    assert fill("${A}", A="${B}", B="secret") == "${B}"


def test_a_variable_that_is_not_set_is_placed() -> None:
    with pytest.raises(LookupError) as raised:
        fill({"a": ["x", "${NO}"]})
    assert raised.value.args == (("a", 1), "NO")


class TestCreature:
    """A creature of a file."""

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        (tmp_path / "helper").mkdir()
        return tmp_path / "helper"

    def load(self, plugins: Plugins, folder: Path, text: str) -> Any:
        (folder / "creature.yaml").write_text(text)
        return load(plugins, folder)

    def test_its_folder_or_file_names_it(self, plugins: Plugins, folder: Path) -> None:
        assert self.load(plugins, folder, "prompt: hi\n").name == "helper"
        (folder / "other.yaml").write_text("")
        assert load(plugins, folder / "other.yaml").name == "other"
        assert self.load(plugins, folder, "name: own\n").name == "own"

    def test_plugins_are_a_list_or_a_table(self, plugins: Plugins, folder: Path) -> None:
        assert self.load(plugins, folder, "plugins: [a, {b: {x: 1}}]\n").plugins == {"a": None, "b": {"x": 1}}
        assert self.load(plugins, folder, "plugins: {a: , b: {x: 1}}\n").plugins == {"a": None, "b": {"x": 1}}

    def test_numbers_may_come_from_variables(
        self, plugins: Plugins, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("BOUND", "7")
        creature = self.load(plugins, folder, "limits: {max_turns: '${BOUND}', max_tokens: '${NO_SUCH:9}'}\n")
        assert (creature.limits.max_turns, creature.limits.max_tokens) == (7, 9)

    @pytest.mark.parametrize(
        ("text", "where", "what", "hint"),
        [
            ("name: x\npromt: y\n", "2:1", "unknown key 'promt'", "did you mean prompt"),
            ("limits: {max_turn: 3}\n", "1:10", "unknown key 'max_turn'", "did you mean max_turns"),
            ("variants:\n  compact:\n    tols: []\n", "3:5", "unknown key 'tols'", "did you mean tools"),
            ("tools:\n  - ok\n  - 3\n", "3:5", "tools: each must be a text", ""),
            ("limits:\n  max_turns: many\n", "2:3", "limits.max_turns", ""),
            ("limits: {max_turns: -3}\n", "1:10", "limits.max_turns must be above 0", "null is no bound"),
            ("limits:\n  time_limit: 0\n", "2:3", "limits.time_limit must be above 0", "null is no bound"),
            ("base: @kt-biome/creatures/swe\n", "1:7", "broken YAML", "put the value in quotes"),
            ("name: [x]\n", "1:1", "name", ""),
            ("path: /etc\n", "1:1", "unknown key 'path'", ""),
            ("prompt: ${NO_SUCH_ONE}\n", "1:1", "NO_SUCH_ONE is not set", "write a default"),
        ],
    )
    def test_a_mistake_is_placed(
        self, plugins: Plugins, folder: Path, text: str, where: str, what: str, hint: str
    ) -> None:
        with pytest.raises(DataError) as raised:
            self.load(plugins, folder, text)
        assert raised.value.where == f"{folder}/creature.yaml:{where}"
        assert what in raised.value.what
        assert hint in raised.value.hint

    def test_its_prompt_may_stand_in_a_file_beside_it(self, plugins: Plugins, folder: Path) -> None:
        (folder / "prompt.md").write_text("\nBe kind.\n\n")
        assert self.load(plugins, folder, "prompt_file: prompt.md\n").prompt == "Be kind."

    @pytest.mark.parametrize("text", ["prompt_file: none.md\n", "prompt_file: bad.md\n", "prompt: x\nprompt_file: y\n"])
    def test_a_prompt_file_that_cannot_be_is_placed(self, plugins: Plugins, folder: Path, text: str) -> None:
        (folder / "bad.md").write_bytes(b"\xff")
        with pytest.raises((DataError, NotFound)) as raised:
            self.load(plugins, folder, text)
        assert raised.value.where.endswith(f"creature.yaml:{len(text.splitlines())}:1")

    def test_its_tools_may_stand_in_files_beside_it(self, plugins: Plugins, folder: Path) -> None:
        (folder / "mine.py").write_text(
            "from __future__ import annotations\n"
            "from dataclasses import dataclass\n"
            "import kt\n"
            "@dataclass\n"
            "class Point:\n"
            "    x: int\n"
            "seen: list[int] = []\n"
            "@kt.tool\n"
            "def note(at: Point) -> str:\n"
            "    seen.append(at.x)\n"
            "    return 'noted'\n"
            "def count() -> int:\n"
            "    return len(seen)\n"
        )
        creature = self.load(plugins, folder, "tools: ['./mine.py:note', './mine.py:count', 'os.path:basename']\n")
        llm = ScriptedLLM([[("note", {"at": {"x": 3}})], [("count", {})], "done"])

        async def run() -> list[str | None]:
            async with await Agent.build(creature, llm=llm) as agent:
                assert list(agent.tools) == ["note", "count", "basename"]
                return [call.result for call in (await agent.run("go")).tool_calls]

        assert asyncio.run(run()) == ["noted", "1"]


def test_a_tool_file_that_changed_is_loaded_again(tmp_path: Path) -> None:
    import os

    file, creature = tmp_path / "t.py", tmp_path / "c.yaml"
    file.write_text("x = 'one'\n")
    assert load_tool("./t.py:x", creature) == "one"
    file.write_text("x = 'two'\n")
    os.utime(file, ns=(1, 1))
    assert load_tool("./t.py:x", creature) == "two"


@pytest.mark.parametrize(
    ("target", "kind", "what"),
    [
        ("./none.py:x", NotFound, "no file"),
        ("./t.py:gone", ConfigError, "AttributeError"),
        ("./broken.py:x", ConfigError, "ZeroDivisionError"),
        ("./syntax.py:x", ConfigError, "SyntaxError"),
        ("no_module_of_that_name:x", ConfigError, "ModuleNotFoundError"),
        ("os:gone", ConfigError, "AttributeError"),
    ],
)
def test_a_tool_that_does_not_load_is_named(tmp_path: Path, target: str, kind: type[Exception], what: str) -> None:
    (tmp_path / "t.py").write_text("")
    (tmp_path / "broken.py").write_text("1 / 0\n")
    (tmp_path / "syntax.py").write_text("def\n")
    with pytest.raises(kind, match=what) as raised:
        load_tool(target, tmp_path / "c.yaml")
    assert str(tmp_path / "c.yaml") in str(raised.value)
    assert target in str(raised.value)
