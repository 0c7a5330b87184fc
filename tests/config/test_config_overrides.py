"""Keys of a creature from outside its file: `--set` over KT_SET over the file, and no way round what a file may say."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kt import Agent, Creature, Plugins
from kt.errors import ConfigError, DataError, KTError, UsageError
from kt.testing import ScriptedLLM
from kt_cli.main import dispatch
from kt_config.creatures import load
from kt_config.overrides import overrides_of, value_of

pytestmark = pytest.mark.anyio

FILE = """\
prompt: Hoot.
llm: {model: big, settings: {temperature: 1}}
tools: [read, grep]
guards: [permissions]
plugins: {budget: {max_usd: 1}}
limits: {max_turns: 3}
"""


@pytest.fixture
def owl(tmp_path: Path) -> Path:
    (tmp_path / "owl.yaml").write_text(FILE)
    return tmp_path / "owl.yaml"


def loaded(plugins: Plugins, file: Path, *values: str) -> Creature:
    return load(plugins, file, overrides=overrides_of(plugins.registry, values))


@pytest.mark.parametrize(
    ("value", "key", "expected"),
    [
        ("llm=small", "llm", "small"),
        ("llm.model=small", "llm", {"model": "small", "settings": {"temperature": 1}}),
        ("llm.settings.temperature=null", "llm", {"model": "big", "settings": {}}),
        ("llm=null", "llm", None),
        ("description=it says = twice", "description", "it says = twice"),
        (' description = "3" ', "description", "3"),
        ("tools=['glob']", "tools", ("read", "grep", "glob")),
        ('tools=["no:grep"]', "tools", ("read",)),
        ("plugins.budget.max_calls=2", "plugins", {"budget": {"max_usd": 1, "max_calls": 2}}),
        ("plugins.budget=null", "plugins", {}),
        ("plugins=[skills]", "plugins", {"budget": {"max_usd": 1}, "skills": None}),
        ("guards=['redact']", "guards", ("permissions", "redact")),
        ("prompt=Screech.", "prompt", "Hoot.\n\nScreech."),
        ("name=Minerva", "name", "Minerva"),
        ("variants.compact.prompt=Be short.", "variants", None),
    ],
)
def test_a_value_comes_over_the_file_as_a_child_would_have_it(
    plugins: Plugins, owl: Path, value: str, key: str, expected: object
) -> None:
    value = value.replace("[skills]", '["skills"]')
    creature = loaded(plugins, owl, value)
    if key == "variants":
        assert creature.variants["compact"].prompt == "Be short."
    else:
        assert getattr(creature, key) == expected


def test_the_command_line_comes_over_the_environment_and_that_over_the_file(
    plugins: Plugins, owl: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KT_SET", "limits.max_turns=5\n\n limits.max_tokens = 7\n")
    assert loaded(plugins, owl).limits.max_turns == 5
    limits = loaded(plugins, owl, "limits.max_turns=9", "limits.time_limit=1.5").limits
    assert (limits.max_turns, limits.max_tokens, limits.time_limit) == (9, 7, 1.5)


def test_files_stand_in_the_working_folder(
    plugins: Plugins, owl: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    (tmp_path / "here" / "more.md").write_text("More of {{name}}.")
    creature = loaded(plugins, owl, "prompt_file=more.md", "prompt_mode=replace", 'tools=["./t.py:f"]')
    assert creature.prompt == "More of owl."
    assert creature.tools == ("read", "grep", "./here/t.py:f")
    assert creature.path == owl


@pytest.mark.parametrize(
    ("value", "kind", "where", "what", "hint"),
    [
        ("limts.max_turns=1", DataError, "limts", "unknown key 'limts'", "did you mean limits"),
        ("limits.max_turn=1", DataError, "limits.max_turn", "unknown key 'max_turn'", "did you mean max_turns"),
        ("limits.max_turns=many", DataError, "limits.max_turns", "limits.max_turns", ""),
        ("limits.max_turns=nan", DataError, "limits.max_turns", "limits.max_turns", ""),
        ("plugins.budgt.max_usd=1", DataError, "plugins.budgt", "no plugin 'budgt'", "did you mean budget"),
        ("plugins=[\"budgt\"]", DataError, "plugins.0", "no plugin 'budgt'", "did you mean budget"),
        ("plugins.budget.max_us=1", DataError, "plugins.budget.max_us", "no setting 'max_us'", "max_usd"),
        ("guards=null", DataError, "guards", "can't drop a guard", ""),
        ('guards=["no:permissions"]', DataError, "guards", "can't drop a guard", ""),
        ('no_inherit=["guards"]', DataError, "no_inherit.0", "can't drop a guard", ""),
        ("base=./other.yaml", DataError, "base", "base can't be changed", ""),
        ('tools=["no:gerp"]', DataError, "tools.0", "the base has no 'gerp'", "did you mean grep"),
        ("variables.x=[1]", DataError, "variables.x", "must be text or a number", ""),
        ("prompt={{nmae}}", DataError, "prompt", "unknown variable 'nmae'", "did you mean name"),
        ("max_turns", UsageError, "", "'max_turns' is no KEY=VALUE", "KEY=VALUE"),
        ("=1", UsageError, "", "is no KEY=VALUE", "KEY=VALUE"),
        ("limits..x=1", UsageError, "", "is no KEY=VALUE", "KEY=VALUE"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("source", ["--set", "KT_SET"])
def test_a_mistake_names_the_option_or_variable_and_the_key(
    plugins: Plugins, owl: Path, monkeypatch: pytest.MonkeyPatch,
    source: str, value: str, kind: type[KTError], where: str, what: str, hint: str,
) -> None:  # fmt: skip
    values = [value] if source == "--set" else []
    if source == "KT_SET":
        monkeypatch.setenv("KT_SET", value)
    with pytest.raises(kind) as raised:
        loaded(plugins, owl, *values)
    assert raised.value.where == f"{source} {where}".rstrip()
    assert what in raised.value.what
    assert hint in raised.value.hint


def test_a_value_is_no_table_and_a_table(plugins: Plugins) -> None:
    with pytest.raises(UsageError, match=r"'limits\.x' is below a value"):
        overrides_of(plugins.registry, ["limits=3", "limits.x=1"])


async def test_what_a_creature_may_not_say_is_refused(plugins: Plugins, owl: Path) -> None:
    for value in "plugins.permissions.mode=auto", 'plugins.sandbox.net=["*"]':
        creature = loaded(plugins, owl, value)
        with pytest.raises(ConfigError, match="can't change the settings of guard"):
            await Agent.build(creature, llm=ScriptedLLM(), profile="default")


def test_a_terrarium_is_changed_in_its_file(plugins: Plugins) -> None:
    with pytest.raises(UsageError, match="is a terrarium"):
        loaded(plugins, "@kt-biome/terrariums/swe_team", "name=x")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5", 5),
        ("1.5", 1.5),
        ("true", True),
        ("null", None),
        ("", ""),
        ("word", "word"),
        ("two words", "two words"),
        ('"5"', "5"),
        ("'5'", "5"),
        ('["a", 1]', ["a", 1]),
        ("['a']", ["a"]),
        ('{"a": null}', {"a": None}),
        ("{ a = 1 }", {"a": 1}),
        ("[a", "[a"),
        ("2026-01-01", "2026-01-01"),
        ("inf", "inf"),
        ("NaN", "NaN"),
        ("1\nother = 2", "1\nother = 2"),
        ("provider/model", "provider/model"),
        ("[" * 5000, "[" * 5000),
    ],
)
def test_a_value_is_json_or_toml_or_else_text(text: str, value: Any) -> None:
    assert value_of(text) == value
    assert type(value_of(text)) is type(value)


@given(st.text())
def test_any_text_has_a_value(text: str) -> None:
    value_of(text)


@pytest.fixture
def kt_run(owl: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Return a function that runs `kt run` in a folder with owl.yaml; it returns the exit code and what is printed."""
    (owl.parent / "work").mkdir()
    owl.rename(owl.parent / "work" / "owl.yaml")
    monkeypatch.chdir(owl.parent / "work")

    def run(*words: str) -> tuple[int, str]:
        code = dispatch(["run", *words, "--model", "scripted"])
        done = capsys.readouterr()
        return code, done.out + done.err

    return run


def test_kt_run_takes_it_more_than_once(kt_run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KT_SET", "limits.max_tokens=7")
    code, text = kt_run("./owl.yaml", "hi", "--explain", "--set", "limits.max_turns=5", "--set", 'tools=["glob"]')
    assert code == 0, text
    assert "limits    max_turns 5, max_tokens 7" in text
    assert "glob " in text
    code, text = kt_run("./owl.yaml", "hi", "--set", "limts=5")
    assert code == 65
    assert text == "error[E-DATA]: unknown key 'limts' (--set limts). hint: did you mean limits?\n"


def test_a_session_goes_on_with_its_creature(kt_run: Any) -> None:
    assert kt_run("./owl.yaml", "hi", "--session", "talk.ktlog", "--set", "name=Minerva")[0] == 0
    code, text = kt_run("again", "--session", "talk.ktlog", "--set", "name=other")
    assert code == 2
    assert text.startswith("error[E-USAGE]: a session goes on with the creature it was made with (--set)")
    assert kt_run("again", "--session", "talk.ktlog")[0] == 0


def test_only_names_of_settings_are_suggested(plugins: Plugins, owl: Path) -> None:
    with pytest.raises(DataError, match="plugin 'sandbox' has no setting 'x'") as raised:
        loaded(plugins, owl, "plugins.sandbox.x=y")
    assert raised.value.hint.startswith("known: ")
    assert "__" not in raised.value.hint
