"""What a creature inherits: the rules of merging, whose file a value stands in, and no way round a guard."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kt import Creature, Plugins
from kt.errors import DataError, KTError, NotFound
from kt_config.creatures import load
from kt_config.inheritance import layer_of, over
from kt_config.needs import needs_of
from kt_config.overrides import Override

GOLDEN = Path(__file__).parent / "golden"

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Return a function that writes files, text by name, and returns their folder."""

    def write(**files: str) -> Path:
        for name, text in files.items():
            (tmp_path / f"{name}.yaml").write_text(text)
        return tmp_path

    return write


@pytest.fixture
def family(plugins: Plugins, write: Write) -> Callable[[str, str], Creature]:
    """Return a function that loads a child over its base."""

    def load_child(base: str, child: str) -> Creature:
        return load(plugins, write(parent=base, child=f"base: ./parent.yaml\n{child}") / "child.yaml")

    return load_child


def test_three_levels_make_the_creature_of_the_golden_file(plugins: Plugins, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(GOLDEN))
    made = json.dumps(asdict(load(plugins, GOLDEN / "own")), default=str).replace(str(GOLDEN), "GOLDEN")
    assert json.loads(made) == json.loads((GOLDEN / "creature.json").read_text())
    assert needs_of(plugins, GOLDEN / "own") == {"reads": ("$WS",), "net": ("owl.example",), "secrets": ("TOKEN",)}


Family = Callable[[str, str], Creature]


@pytest.mark.parametrize(
    ("key", "base", "child", "expected"),
    [
        ("llm", "llm: one", "llm: two", "two"),
        ("llm", "llm: one", "name: x", "one"),
        ("llm", "llm: one", "llm: null", None),
        ("llm", "llm: one", "llm: {model: two}", {"model": "two"}),
        ("llm", "llm: {model: a, settings: {x: 1, y: 2}}", "llm: {settings: {x: 3, y: null}}",
         {"model": "a", "settings": {"x": 3}}),
        ("description", "description: d", "{}", "d"),
        ("description", "description: d", "description: null", ""),
        ("name", "name: n", "{}", "child"),
        ("name", "name: n", "name: null", "child"),
        ("plugins", "plugins: [a, {b: {x: 1}}]", "plugins: [b, c]", {"a": None, "b": {"x": 1}, "c": None}),
        ("plugins", "plugins: {a: {x: 1, y: 1}}", "plugins: {a: {x: null}}", {"a": {"y": 1}}),
        ("plugins", "plugins: [a, b]", "plugins: {a: null, c: null}", {"b": None, "c": None}),
        ("plugins", "plugins: [a, b]", "plugins: ['no:a', c]", {"b": None, "c": None}),
        ("plugins", "{}", "plugins: {a: {x: null}}", {"a": {"x": None}}),
        ("tools", "tools: [a, b]", "tools: [c, 'm.n:a']", ("m.n:a", "b", "c")),
        ("tools", "tools: [a, b]", "tools: ['no:a']", ("b",)),
        ("tools", "tools: [a, b]", "tools: null", ()),
        ("tools", "tools: [a, b]", "no_inherit: [tools]\ntools: [c]", ("c",)),
        ("tools", "tools: [a, b]", "no_inherit: [tools]", ()),
        ("triggers", "triggers: [{name: a, x: 1}, b, {name: a, x: 2}]", "triggers: [{name: a, x: 3}]",
         ({"name": "a", "x": 3}, "b")),
        ("triggers", "triggers: [a]", "triggers: [b, a, {name: b, x: 1}]", ("a", "b", {"name": "b", "x": 1})),
        ("input", "input: stdin", "input: {name: file, path: p}", ("stdin", {"name": "file", "path": "p"})),
        ("input", "input: stdin", "{}", "stdin"),
        ("input", "input: [stdin, http]", "input: 'no:stdin'", ("http",)),
        ("subagents", "subagents: ['@p/creatures/x', y]", "subagents: ['no:x', {name: y, wait: true}]",
         ({"name": "y", "wait": True},)),
        ("guards", "guards: [a]", "guards: [b, a]", ("a", "b")),
        ("guards", "guards: [a]", "guards: []", ("a",)),
        ("guards", "guards: [a]", "guards: ['./a.yaml', 'm:a']", ("a", "./a.yaml", "m:a")),
        ("prompt", "prompt: One.", "prompt: Two.", "One.\n\nTwo."),
        ("prompt", "prompt: One.", "prompt: Two.\nprompt_mode: replace", "Two."),
        ("prompt", "prompt: One.", "prompt: Two.\nno_inherit: [prompt_file]", "Two."),
        ("prompt", "prompt: One.", "prompt: null", ""),
        ("prompt", "{}", "prompt: null", ""),
    ],
)  # fmt: skip
def test_a_key_of_the_child_comes_over_the_base(
    family: Family, key: str, base: str, child: str, expected: object
) -> None:
    assert getattr(family(f"{base}\n", "" if child == "{}" else f"{child}\n"), key) == expected


def test_limits_and_variants_are_merged_deeply(family: Family) -> None:
    creature = family(
        "limits: {max_turns: 1, max_tokens: 2}\nvariants: {a: {prompt: x, tools: [t]}, b: {}}\n",
        "limits: {max_turns: 3, max_tokens: null}\nvariants: {a: {tools: [u]}, b: null, c: null}\n",
    )
    assert (creature.limits.max_turns, creature.limits.max_tokens) == (3, None)
    assert {name: (v.prompt, v.tools) for name, v in creature.variants.items()} == {"a": ("x", ("u",))}


def test_a_variable_that_only_the_base_would_need_is_not_asked_for(family: Family) -> None:
    assert family("llm: ${NO_SUCH_MODEL_NAME}\n", "llm: mine\n").llm == "mine"


def test_a_base_is_any_reference(plugins: Plugins, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHERE", "./far")
    folder = write(near="base: ${WHERE}.yaml\n", far="base: '@kt-biome/creatures/reviewer'\ntools: [edit]\n")
    creature = load(plugins, folder / "near.yaml")
    assert creature.name == "near"
    assert {"edit", "grep"} <= set(creature.tools)
    assert creature.path == folder / "near.yaml"


def test_files_of_a_base_stand_beside_the_base(plugins: Plugins, tmp_path: Path) -> None:
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "prompt.md").write_text("From the base. {{include more.md}}")
    (tmp_path / "base" / "more.md").write_text("And more.")
    (tmp_path / "base" / "tools.py").write_text("def count() -> str:\n    return 'three'\n")
    (tmp_path / "base" / "creature.yaml").write_text(
        "prompt_file: prompt.md\n"
        "tools: ['./tools.py:count', 'no/colon']\n"
        "subagents: [./sub.yaml, {name: x, base: up.yaml}]\n"
    )
    (tmp_path / "creature.yaml").write_text("base: ./base\nprompt: Mine.\n")
    creature = load(plugins, tmp_path)
    assert creature.prompt == "From the base. And more.\n\nMine."
    assert creature.tools == ("./base/tools.py:count", "no/colon")
    assert creature.subagents == ("./base/sub.yaml", {"name": "x", "base": "./base/up.yaml"})
    count = plugins.registry.get("loader", "tool")(creature.tools[0], creature.path)
    assert count() == "three"


@pytest.mark.parametrize(
    ("base", "child", "at", "what", "hint"),
    [
        ("tols: []\n", "", "parent.yaml:1:1", "unknown key 'tols'", "did you mean tools"),
        ("name: x\nlimits:\n  max_turn: 3\n", "name: y\n", "parent.yaml:3:3", "unknown key 'max_turn'", "max_turns"),
        ("tools:\n  - a\n  - 3\n", "tools: [b, a]\n", "parent.yaml:3:5", "tools: each must be a text", ""),
        ("tools: [a]\n", "tools:\n  - b\n  - [x]\n", "child.yaml:4:5", "tools: each must be a text", ""),
        ("triggers: [a]\n", "triggers: [{name: b}, 5]\n", "child.yaml:2:23", "each must be a text or a table", ""),
        ("plugins:\n  - a\n  - b: 3\n", "plugins: [c]\n", "parent.yaml:3:5", "plugins.b", ""),
        ("llm: one\n", "bse: x\n", "child.yaml:2:1", "unknown key 'bse'", "did you mean base"),
        ("prompt: ${NO_SUCH_WORD}\n", "", "parent.yaml:1:1", "NO_SUCH_WORD is not set", "write a default"),
        ("tools: [grep]\n", "tools: [a, 'no:grap']\n", "child.yaml:2:12", "tools: the base has no 'grap'", "grep"),
        ("plugins: [early]\n", "plugins: ['no:erly']\n", "child.yaml:2:11", "its base does not have: 'erly'", "early"),
        ("guards: [a]\n", "guards: ['no:a']\n", "child.yaml:2:1", "can't drop a guard", "profile"),
        ("guards: [a]\n", "guards: null\n", "child.yaml:2:1", "can't drop a guard", "profile"),
        ("guards: [a]\n", "no_inherit: [tools, guards]\n", "child.yaml:2:21", "can't drop a guard", ""),
        ("guards: a\n", "", "parent.yaml:1:1", "guards must be a list", ""),
        ("", "no_inherit: [tool]\n", "child.yaml:2:14", "no key 'tool'", "did you mean tools"),
        ("", "no_inherit: tools\n", "child.yaml:2:1", "must be a list of keys", ""),
        ("", "prompt_mode: before\n", "child.yaml:2:1", "append, replace", ""),
        ("", "plugins: 3\n", "child.yaml:2:1", "plugins must be a table", ""),
        ("", "plugins: [3]\n", "child.yaml:2:11", "a plugin is a name", ""),
        ("", "variables: [x]\n", "child.yaml:2:1", "variables must be a table", ""),
        ("prompt: [x]\n", "", "parent.yaml:1:1", "prompt must be text", ""),
        ("prompt: x\nprompt_file: y\n", "", "parent.yaml:2:1", "exclude each other", ""),
        ("needs: {nett: []}\n", "", "parent.yaml:1:9", "unknown key 'nett'", "did you mean net"),
        ("needs:\n  exec: any\n", "needs: {net: []}\n", "parent.yaml:2:3", "needs.exec must be a list of texts", ""),
    ],
)
def test_a_mistake_is_placed_in_the_file_where_it_stands(
    family: Family, base: str, child: str, at: str, what: str, hint: str
) -> None:
    with pytest.raises(DataError) as raised:
        family(base, child)
    assert raised.value.where.endswith(f"/{at}")
    assert what in raised.value.what
    assert hint in raised.value.hint


@pytest.mark.parametrize(
    ("text", "kind", "what"),
    [
        ("name: a\nbase: ./nowhere.yaml\n", NotFound, "no creature './nowhere.yaml'"),
        ("name: a\nbase: '@kt-not-there/creatures/x'\n", NotFound, "no pack 'kt-not-there'"),
        ("name: a\nbase: '@kt-biome/terrariums/swe_team'\n", DataError, "is no creature but a terrarium"),
        ("name: a\nbase: [x]\n", DataError, "must be a reference"),
        ("name: a\nbase: ''\n", DataError, "must be a reference"),
        ("name: a\nbase: ${NO_SUCH_BASE}\n", DataError, "NO_SUCH_BASE is not set"),
        ("name: a\nbase: ./a.yaml\n", DataError, "a.yaml -> "),
    ],
)
def test_a_base_that_cannot_be_is_placed(
    plugins: Plugins, write: Write, text: str, kind: type[KTError], what: str
) -> None:
    folder = write(a=text)
    with pytest.raises(kind) as raised:
        load(plugins, folder / "a.yaml")
    assert raised.value.where == f"{folder}/a.yaml:2:1"
    assert what in raised.value.what


def test_a_circle_names_the_line_of_files(plugins: Plugins, write: Write) -> None:
    folder = write(a="base: ./b.yaml\n", b="base: ./c.yaml\n", c="name: c\nbase: ./b.yaml\n")
    with pytest.raises(DataError) as raised:
        load(plugins, folder / "a.yaml")
    names = [word.rpartition("/")[2] for word in raised.value.what.rpartition(": ")[2].split(" -> ")]
    assert names == ["a.yaml", "b.yaml", "c.yaml", "b.yaml"]
    assert raised.value.where == f"{folder}/c.yaml:2:1"


def test_a_terrarium_has_no_needs_of_its_own(plugins: Plugins) -> None:
    with pytest.raises(DataError, match="is no creature but a terrarium"):
        needs_of(plugins, "@kt-biome/terrariums/swe_team")
    assert needs_of(plugins, "@kt-biome/creatures/swe").keys() <= {
        "reads",
        "writes",
        "net",
        "exec",
        "secrets",
        "listen",
    }


def test_levels_without_end_are_refused(plugins: Plugins, tmp_path: Path) -> None:
    (tmp_path / "deep.toml").write_text("[plugins.a]\nx = " + "[" * 150 + "]" * 150)
    with pytest.raises(DataError, match="100 levels") as raised:
        load(plugins, tmp_path / "deep.toml")
    assert raised.value.where.startswith(f"{tmp_path}/deep.toml:")


# Merging is associative where nothing is taken away: it does not matter which two of three files are merged first.

NAMES = st.sampled_from(["a", "b", "c", "d"])
ITEMS = NAMES | st.builds(lambda name, x: {"name": name, "x": x}, NAMES, st.integers(0, 3))
DEEP = st.fixed_dictionaries({}, optional={"a": st.integers(0, 3), "b": st.dictionaries(NAMES, st.integers(0, 3))})
VALUES = st.fixed_dictionaries({}, optional={"c": DEEP, "d": st.integers(0, 3)})
"""Tables of which each key always has a table or always none: where a file changes that, the last one counts."""
FILES = st.fixed_dictionaries(
    {},
    optional={
        "llm": VALUES,
        "plugins": st.dictionaries(NAMES, VALUES, max_size=3) | st.lists(NAMES, max_size=3),
        "limits": st.dictionaries(NAMES, st.integers(0, 3), max_size=3),
        "tools": st.lists(NAMES, max_size=5),
        "triggers": st.lists(ITEMS, max_size=5),
        "input": st.lists(ITEMS, max_size=5),
        "guards": st.lists(NAMES | st.just("m:a"), max_size=3),
        "prompt": st.text(max_size=3),
        "description": st.text(max_size=3),
    },
)


def merged(*files: dict[str, Any]) -> Sequence[Any]:
    return [layer_of(Override(data, "test", Path("x"))) for data in files]


@given(FILES, FILES, FILES)
def test_merging_is_associative(one: dict[str, Any], two: dict[str, Any], three: dict[str, Any]) -> None:
    a, b, c = merged(one, two, three)
    assert over(over(a, b), c).plain() == over(a, over(b, c)).plain()


@given(FILES)
def test_an_empty_file_over_or_below_another_changes_nothing(file: dict[str, Any]) -> None:
    a, empty = merged(file, {})
    assert over(a, empty).plain() == over(empty, a).plain() == a.plain()


@given(FILES, FILES)
def test_no_guard_is_ever_lost(one: dict[str, Any], two: dict[str, Any]) -> None:
    a, b = merged(one, two)
    assert set(one.get("guards", ())) <= set(over(a, b).plain().get("guards", ()))
