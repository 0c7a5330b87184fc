"""Creatures, recipes and packs of the reference system become ours, and run."""

import json
import tomllib
from pathlib import Path

import pytest
from kt import Agent, Terrarium
from kt.errors import DataError
from kt.testing import ScriptedLLM

from .conftest import Import

pytestmark = pytest.mark.anyio
SWE = {
    "name": "swe",
    "description": "Changes code",
    "llm": {"model": "xai/grok-4", "settings": {"effort": "high", "temperature": 0.2}},
    "prompt": "{{include prompts/system.md}}\n\nAnswer in ${SWE_LANGUAGE:English}.",
    "variables": {"style": ""},
    "tools": ["bash", "read", "edit", "fetch", "skill"],
    "subagents": [
        "explore",
        {"name": "review", "base": "review", "limits": {"max_turns": 14}},
        {"name": "historian", "base": "./subagents/historian.yaml", "timeout": 600},
    ],
    "plugins": {
        "budget": {
            "session": {"max_turns": 40, "max_calls": 75, "max_seconds": 3600},
            "warn_at": 0.8,
            "idle_seconds": 300,
            "stop_words": ["ALL DONE"],
        },
        "skills": {},
        "checkpoints": {},
        "compaction": {"context_tokens": 64000, "at": 0.8, "target": 0.5},
    },
    "guards": ["permissions", "sandbox", "redact"],
    "triggers": [
        {"name": "startup", "prompt": "Begin."},
        {"name": "timer", "every": 600, "immediate": True, "id": "look", "prompt": "Look at the queue."},
        {"name": "cron", "schedule": "30 18 * * *", "prompt": "Sum up the day."},
    ],
}


def test_a_creature_becomes_ours(imported: Import) -> None:
    made = imported("kohaku", "kohaku/swe")
    assert made.yaml("creature.yaml") == SWE
    assert made.yaml("subagents/historian.yaml")["tools"] == ["bash", "grep"]
    assert made.text("prompts/system.md").splitlines()[2] == "{{include tone.md}}"
    assert sorted(path.name for path in (made.folder / "prompts").iterdir()) == ["rules.md", "system.md", "tone.md"]


async def test_a_creature_that_was_imported_runs(imported: Import) -> None:
    made = imported("kohaku", "kohaku/swe")
    async with await Agent.build(made.folder, llm=ScriptedLLM(lambda request: "Done.")) as agent:
        assert (await agent.run("Do it.")).text == "Done."
        assert "You are swe, and change code.\n\nBe short.\nTests first." in agent.system
        assert "Answer in English." in agent.system
        assert list(agent.plugin("subagents").specs) == ["explore", "review", "historian"]
        assert "You look into the history." in agent.plugin("subagents").specs["historian"].creature.prompt


@pytest.mark.parametrize(
    ("key", "place", "kind", "say"),
    [
        ("tools.6", "config.yaml:25:5", "dropped", "@kt.tool"),
        ("tools.5.name", "config.yaml:24:6", "dropped", "no tool makes videos"),
        ("tools.1.options.timeout", "config.yaml:20:43", "dropped", "takes no settings"),
        ("mcp_servers.0", "config.yaml:50:5", "dropped", "MCP"),
        ("memory.embedding", "config.yaml:51:10", "dropped", "docs/search.md"),
        ("plugins.2", "config.yaml:48:5", "dropped", "docs/hooks.md"),
        ("triggers.2", "config.yaml:40:5", "dropped", "docs/kinds/trigger.md"),
        ("tolls.0", "config.yaml:54:9", "dropped", "did you mean tools"),
        ("controller.max_iterations", "config.yaml:8:3", "changed", "budget"),
        ("termination.max_turns", "config.yaml:42:15", "changed", "plugins.budget.session.max_turns"),
        ("name", "config.yaml:1:1", "kept", "name"),
        ("system.md", "prompts/system.md:5:1", "dropped", "{% if verbose %}"),
        ("system.md", "prompts/system.md:7:1", "dropped", "nowhere"),
        ("system.md", "prompts/system.md:6:12", "changed", "style"),
        ("log.py", "log.py", "dropped", "nothing read"),
    ],
)
def test_the_report_says_what_became_of_a_key_and_where_it_stood(
    imported: Import, capsys: pytest.CaptureFixture[str], key: str, place: str, kind: str, say: str
) -> None:
    made = imported("kohaku", "kohaku/swe")
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith(f"{kind} {key} at ")]
    assert any(f"{place}: " in line and say in line for line in lines), lines
    assert place in made.text("IMPORT.md")


async def test_a_recipe_becomes_ours(
    imported: Import, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "not-a-real-key")  # the writer has a model of its own
    made = imported("kohaku", "kohaku/team")
    top = made.yaml("terrarium.yaml")["terrarium"]
    assert (top["name"], top["root"]) == ("news team", "chief")
    assert top["channels"] == {
        "work_to_do": {"description": "one task each"},
        "drafts": {"description": "what was written"},
    }
    assert top["creatures"][1]["base"] == "./bases/writer"
    assert top["creatures"][2]["output_wiring"][0]["prompt"] == "{source} says {content}"
    errors = capsys.readouterr().err
    assert "dropped terrarium.channels.unheard at" in errors
    assert "no creature is called 'nobody'" in errors
    assert "all channels were broadcast" in errors
    async with await Terrarium.from_recipe(made.folder, llm=ScriptedLLM(lambda request: "Well.")) as engine:
        assert [creature.name for creature in engine.status()] == ["chief", "writer", "critic"]
        assert engine.status()[1].listens == ["work_to_do", "writer"]


def test_a_pack_becomes_a_wheels_folder(imported: Import) -> None:
    made = imported("kohaku", "kohaku/pack")
    project = tomllib.loads(made.text("pyproject.toml"))
    assert project["project"]["entry-points"]["kt"] == {"my_pack": "my_pack"}
    assert {"kt-core>=0.1,<1", "kt-terrarium", "kt-skills", "kt-builtin-tools"} <= set(
        project["project"]["dependencies"]
    )
    pack = tomllib.loads(made.text("my_pack/kt-pack.toml"))
    assert (pack["pack"]["name"], pack["pack"]["version"]) == ("my-pack", "1.2.0")
    assert pack["needs"] == {"reads": ["$WS"], "writes": ["$WS"], "net": ["*"], "exec": ["any"]}
    things = [(each["kind"], each["name"]) for each in pack["provides"]]
    own = [("creature", "base"), ("creature", "coder"), ("terrarium", "duo"), ("skill", "release")]
    assert things == [("prompt", "git-safety"), *own]
    assert (made.folder / "my_pack/skills/release/scripts/tag.sh").is_file()
    assert "version: '1.10'" in made.text("my_pack/skills/release/SKILL.md")


async def test_the_creatures_of_a_pack_are_found_by_reference(
    imported: Import, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(imported("kohaku", "kohaku/pack").folder)
    async with await Agent.build("@my-pack/creatures/coder", llm=ScriptedLLM([])) as agent:
        assert {"read", "grep", "write", "bash"} <= set(agent.tools)
        assert agent.system.startswith("You are careful.\nNever force-push to .")
    async with await Terrarium.from_recipe("@my-pack/terrariums/duo", llm=ScriptedLLM([])) as engine:
        assert [creature.name for creature in engine.status()] == ["one", "two"]


def test_json_keeps_its_positions_and_its_values(
    imported: Import, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "config.json"
    file.write_text('{\n\t"name": "owl",\n\t"description": "1e3 \\ud83d\\ude00",\n\t"nane": "x"\n}')
    made = imported("kohaku", file)
    assert made.yaml("creature.yaml") == {"name": "owl", "description": "1e3 😀"}
    assert f"dropped nane at {file}:4:2: " in capsys.readouterr().err


def test_a_base_of_a_pack_that_is_not_there_is_named_all_the_same(
    imported: Import, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "owl.yaml"
    file.write_text('base_config: "@far-away/creatures/owl"\nsystem_prompt: You hoot in ${CITY}.\n')
    assert imported("kohaku", file).yaml("creature.yaml")["base"] == "@far-away/creatures/owl"
    assert "no pack 'far-away' is installed: install the pack" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "model", "say"),
    [
        ("fast", "fast", "a preset that must be there: kt model add fast PROVIDER/MODEL"),
        ("grok/grok-4", "xai/grok-4", "the provider grok is xai here"),
        ("${SMALL:fast}", "${SMALL:fast}", "plugins.compaction.model\n"),
    ],
)
def test_the_model_that_summarises_is_told_as_any_other(
    imported: Import, tmp_path: Path, capsys: pytest.CaptureFixture[str], given: str, model: str, say: str
) -> None:
    file = tmp_path / "owl.yaml"
    file.write_text(f'compact: {{compact_model: "{given}"}}\n')
    assert imported("kohaku", file).yaml("creature.yaml")["plugins"]["compaction"]["model"] == model
    line = next(line for line in capsys.readouterr().err.splitlines(keepends=True) if "compact_model" in line)
    assert say in line


def test_a_file_outside_of_the_source_is_not_copied(
    imported: Import, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "secret.md").write_text("a secret")
    (tmp_path / "owl").mkdir()
    (tmp_path / "owl/link.md").symlink_to(tmp_path / "secret.md")
    (tmp_path / "owl/config.yaml").write_text(
        f"system_prompt_file: ../secret.md\nprompt_context_files: {{a: {tmp_path}/secret.md, b: link.md}}\n"
    )
    made = imported("kohaku", tmp_path / "owl")
    assert not [file for file in made.folder.rglob("*") if file.is_file() and "a secret" in file.read_text()]
    errors = capsys.readouterr().err
    assert "dropped system_prompt_file" in errors
    assert "dropped link.md" in errors


@pytest.mark.parametrize(
    ("name", "text", "place"),
    [
        ("config.yaml", "name: [owl\n", "config.yaml:2:1"),
        ("config.json", '{\n "name": }', "config.json:2:10"),
        ("config.toml", "name = owl", "config.toml:1:8"),
        ("config.yaml", "name: owl\nname: fox\n", "config.yaml:2:1"),
        ("config.json", '{\n"name": 1,\n"name": 2}', "config.json:3:1"),
    ],
)
def test_what_does_not_parse_is_an_error_with_its_place(
    imported: Import, tmp_path: Path, name: str, text: str, place: str
) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(DataError) as error:
        imported("kohaku", tmp_path / name)
    assert error.value.where.endswith(place)
    assert not (tmp_path / "out").exists()


def test_what_our_loader_refuses_is_not_written(imported: Import, tmp_path: Path) -> None:
    for name, other in (("a", "b"), ("b", "a")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.yaml").write_text(f"base_config: ../{other}\n")
    with pytest.raises(DataError, match="the result does not load") as error:
        imported("kohaku", tmp_path / "a")
    assert error.value.exit_code == 65
    assert not (tmp_path / "out").exists()


def test_the_report_is_json_for_programs(imported: Import, capsys: pytest.CaptureFixture[str]) -> None:
    made = imported("kohaku", "kohaku/swe", "--json", "--dry-run")
    told = json.loads(capsys.readouterr().out)
    assert (told["kind"], told["written"], made.folder.exists()) == ("creature", False, False)
    assert {"kind", "key", "place", "to", "text"} == set(told["lines"][0])
    assert "prompts/tone.md" in told["files"]
