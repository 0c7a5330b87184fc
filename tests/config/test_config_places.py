"""What a creature or a profile names wrongly is shown at its line and column."""

from pathlib import Path

import pytest
from kt import Agent, Plugins
from kt.errors import KTError
from kt.testing import ScriptedLLM
from kt_config.creatures import load

pytestmark = pytest.mark.anyio

WRONG = {
    "plugins: {bugdet: {}}": (11, "no plugin named 'bugdet'"),
    "plugins: [advice, bugdet]": (19, "no plugin named 'bugdet'"),
    "plugins: {budget: {max_callz: 3}}": (11, "plugin 'budget' has no setting 'max_callz'"),
    "plugins: {budget: {max_calls: many}}": (11, "setting 'max_calls' of plugin 'budget'"),
    "plugins: {early: {now: 1}}": (11, "plugin 'early' takes no settings"),
    "guards: [advice, nope]": (18, "no plugin named 'nope'"),
    "tools: [read, rread]": (15, "no tool named 'rread'"),
    "subagents: [explore, nope]": (22, "no sub-agent and no creature 'nope'"),
    "subagents: [{name: owl, descriptio: d}]": (13, "unknown key 'descriptio'"),
    "triggers: [idle, nope]": (18, "no trigger named 'nope'"),
    "triggers: [{name: timer, evry: 3}]": (12, "there is no setting 'evry'"),
    "outputs: [{name: nope}]": (11, "no output named 'nope'"),
    "outputs: [{name: file, pathh: x}]": (11, "path: Field required"),
    "input: [nope]": (9, "no input named 'nope'"),
    "variants: {scripted: {tools: [rread]}}": (31, "no tool named 'rread'"),
}


class Small(ScriptedLLM):
    """A model for which creatures may have a variant."""

    variant = "scripted"


async def failure(creature: Path, **options: object) -> KTError:
    """Return the error of an agent's start."""
    with pytest.raises(KTError) as raised:
        async with await Agent.build(creature, llm=Small([]), unguarded=True, **options):  # type: ignore[arg-type]
            pass
    return raised.value


@pytest.mark.parametrize("line", WRONG)
async def test_what_is_named_wrongly_is_shown_where_it_stands(line: str, tmp_path: Path) -> None:
    column, says = WRONG[line]
    file = tmp_path / "creature.yaml"
    file.write_text(f"prompt: x\n{line}\n")
    error = await failure(tmp_path)
    assert (error.where, says in error.what) == (f"{file}:2:{column}", True), error


async def test_what_a_base_names_is_shown_in_the_file_of_the_base(tmp_path: Path) -> None:
    (tmp_path / "base.toml").write_text('prompt = "x"\ntools = ["read"]\n[plugins.bugdet]\n')
    (tmp_path / "child.yaml").write_text("base: ./base.toml\ntools: [grep]\n")
    assert (await failure(tmp_path / "child.yaml")).where == f"{tmp_path / 'base.toml'}:3:2"


async def test_what_a_profile_names_is_shown_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KT_HOME", str(tmp_path))
    file = tmp_path / "config.toml"
    file.write_text('[profile.a]\nplugins = ["nope"]\n[profile.b.config.budget]\nmax_callz = 3\n')
    (tmp_path / "c.yaml").write_text("prompt: x\n")
    assert (await failure(tmp_path / "c.yaml", profile="a")).where == f"{file}:2:1"
    assert (await failure(tmp_path / "c.yaml", profile="b")).where == f"{file}:3:2"


async def test_places_are_no_part_of_what_a_creature_is(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("prompt: x\ntools: [read]\n")
    (tmp_path / "d.yaml").write_text("prompt: x\n\ntools: [read]\nname: c\n")
    one, other = (load(Plugins(), tmp_path / name) for name in ("c.yaml", "d.yaml"))
    other.path = one.path
    assert one.places != other.places
    assert one == other
    (tmp_path / "e.yaml").write_text("prompt: x\nplaces: {}\n")
    with pytest.raises(KTError, match="unknown key 'places'"):
        load(Plugins(), tmp_path / "e.yaml")
