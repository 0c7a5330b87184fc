"""kt terrarium, and what kt run, resume, info, doctor and list make of a recipe."""

import json
import signal
from dataclasses import fields
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from kt_config.inheritance import KEYS
from kt_terrarium.limits import GraphLimits
from kt_terrarium.recipe import TOP, Ears, Pipe, Seat, Wiring
from kt_terrarium.schema import schema

RECIPE = """
terrarium:
  name: pair
  description: One plans, one works
  channels:
    tasks: {type: queue, description: one piece of work}
  limits: {max_hops: 9}
  creatures:
    - name: lead
      llm: {provider: scripted, model: lead.json}
      channels: {can_send: [tasks]}
    - name: coder
      base: ./c.yaml
      llm: {provider: scripted, model: coder.json}
      channels: {listen: [tasks]}
      output_wiring: [lead]
      restart: {max: 2}
      pwd: .
      node: big
"""
LEAD = ([{"tool": "send_message", "args": {"channel": "tasks", "message": "build it"}}], "I asked.", "All is built.")
CODER = ([{"tool": "echo", "args": {"text": "one"}}], "It works.")

ENTRY = """
from kt import hookimpl


@hookimpl
def kt_register(registry):
    registry.add("terrarium", "night", "kt_owls:terrariums/night", help="a team by night")
"""


def team(kt: Any, *, lead: Any = LEAD, coder: Any = CODER) -> str:
    (kt.folder / "team.yaml").write_text(RECIPE)
    (kt.folder / "lead.json").write_text(json.dumps(lead))
    (kt.folder / "coder.json").write_text(json.dumps(coder))
    return "./team.yaml"


@pytest.fixture
def pack(kt: Any, tmp_path: Path) -> str:
    """Put a pack with recipes on the import path; return its name."""
    package, info = tmp_path / "packs" / "kt_owls", tmp_path / "packs" / "kt_owls-1.0.dist-info"
    for folder in (info, package / "terrariums" / "night"):
        folder.mkdir(parents=True)
    (package / "__init__.py").write_text(ENTRY)
    (package / "terrariums" / "night" / "terrarium.yaml").write_text(RECIPE.replace("base: ./c.yaml", "tools: []"))
    (package / "terrariums" / "broken.yaml").write_text("terrarium: [")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: kt-owls\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[kt]\nowls = kt_owls\n")
    kt.env["PYTHONPATH"] = str(package.parent)
    return "kt-owls"


@pytest.mark.parametrize("words", [(), ("list",), ("info",), ("run",), ("watch",), ("schema",)], ids=" ".join)
def test_the_help_says_how_it_is_called(kt: Any, words: tuple[str, ...]) -> None:
    done = kt("terrarium", *words, "--help")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(" ".join(("Usage: kt terrarium", *words)))


def test_a_recipe_runs_like_a_creature_until_its_team_is_quiet(kt: Any) -> None:
    ref = team(kt)
    assert kt("run", ref, "go").out == "All is built.\n"
    done = kt("terrarium", "run", ref, "go", "--output", "json")
    assert (done.code, done.result["text"]) == (0, "All is built.")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("run", "./c.yaml", "go"), 65),
        (("run", "./none.yaml", "go"), 66),
        (("run",), 2),
        (("run", "--model", "x"), 2),
        (("info", "./c.yaml"), 65),
        (("info", "./bad.yaml"), 65),
        (("rn",), 2),
        ((), 2),
        (("list", "--nonsense"), 2),
        (("watch",), 66),
    ],
)
def test_what_is_wrong_is_said_in_a_line(kt: Any, words: tuple[str, ...], code: int) -> None:
    (kt.folder / "bad.yaml").write_text(RECIPE.replace("[tasks]", "[task]"))
    done = kt("terrarium", *words)
    assert (done.code, done.out) == (code, "")
    assert done.error.startswith("error[E-")


def test_the_recipes_of_packs_are_listed_and_run(kt: Any, pack: str) -> None:
    team(kt, coder=CODER[1:])
    done = kt("terrarium", "list")
    assert "@kt-owls/terrariums/night " in done.out
    assert "One plans, one works  (kt-owls 1.0)" in done.out
    assert "@kt-owls/terrariums/broken.yaml" in done.out
    assert "does not load: " in done.out
    rows = {row["name"]: row for row in json.loads(kt("terrarium", "list", "--json").out)}
    assert rows["@kt-owls/terrariums/night"]["help"] == "One plans, one works"
    known = {row["name"]: (row["kind"], row["help"]) for row in json.loads(kt("list", "--json").out)}
    assert known["@kt-owls/terrariums/night"] == ("terrarium", "a team by night")
    assert "terrarium:\n" in kt("list").out
    assert "  terrarium @kt-owls/terrariums/night: a team by night\n" in kt("info", pack).out
    assert kt("trust", "@kt-owls").code == 0
    assert kt("terrarium", "run", "@kt-owls/terrariums/night", "go").code == 0


def test_info_shows_the_team(kt: Any) -> None:
    ref = team(kt)
    done = kt("terrarium", "info", ref)
    for part in (
        "terrarium pair", "root     lead", "max_hops 9", "creature coder", "base     ./c.yaml",
        "tools    4: ./tools.py", "llm      scripted/coder.json", "restart (max 2), pwd ., node big",
        "tasks (queue): lead -> coder: one piece", "wire     coder => lead",
    ):  # fmt: skip
        assert part in done.out
    assert kt("info", ref).out == done.out
    told = json.loads(kt("terrarium", "info", ref, "--json").out)
    assert told["root"] == "lead"
    assert told["wires"] == [{"from": "coder", "to": "lead", "with_content": True, "prompt": ""}]
    assert [c["name"] for c in told["creatures"]] == ["lead", "coder"]


def test_explain_and_doctor_look_at_the_whole_team(kt: Any) -> None:
    ref = team(kt)
    explained = kt("run", "--explain", ref)
    assert explained.code == 0
    assert "  coder        scripted/coder.json, 4 tools\n  #tasks lead -> coder\n  coder => lead\n" in explained.out
    (kt.folder / "coder.json").unlink()
    assert kt("run", "--explain", ref).code == 0
    checked = kt("doctor", ref).out
    assert "ok   creature lead of ./team.yaml" in checked
    assert "ok   creature coder of ./team.yaml" in checked


def test_verbose_tells_what_the_others_do(kt: Any) -> None:
    lines = kt("run", team(kt), "go", "--verbose").err.splitlines()
    told = ["#tasks lead -> coder: build it", 'coder: * echo {"text": "one"}', "coder: It works."]
    assert [line for line in lines if line in told] == told
    assert "coder -> lead: It works." in lines


def test_a_conversation_tells_what_the_others_do(kt: Any) -> None:
    done = kt("run", team(kt), "--mode", "plain", "--verbose", stdin=b"go\n")
    assert "coder: It works." in done.err.splitlines()
    assert done.out.splitlines() == ["I asked.", "All is built."]


def test_stream_json_has_what_the_others_do_and_no_deltas_of_theirs(kt: Any) -> None:
    done = kt("run", team(kt), "go", "--output", "stream-json")
    events = [json.loads(line) for line in done.out.splitlines()]
    assert events[0]["type"] == "agent_started"
    others = [(e["creature"], e["event"]["type"]) for e in events if e["type"] == "team_activity"]
    for seen in (("lead", "message_sent"), ("coder", "tool_started"), ("coder", "turn_ended")):
        assert seen in others
    assert ("coder", "text_delta") not in others
    assert done.result["text"] == "All is built."


def test_a_secret_in_a_message_is_not_shown(kt: Any) -> None:
    kt.env["OWL_TOKEN"] = secret = "hoot-hoot-hoot-hoot"
    sends = [{"tool": "send_message", "args": {"channel": "tasks", "message": f"take {secret}"}}]
    done = kt("run", team(kt, lead=(sends, "I asked.", "Done.")), "go", "--verbose")
    assert "#tasks lead -> coder: take [redacted" in done.err
    assert secret not in done.err + done.out


def beside(kt: Any) -> None:
    team(kt)
    for name in ("lead", "coder"):
        (kt.folder / f"{name}.yaml").write_text(f"llm: {{provider: scripted, model: {name}.json}}\n")


def test_creatures_are_put_beside_the_one_that_runs(kt: Any) -> None:
    beside(kt)
    done = kt("run", "./lead.yaml", "go", "--add", "./coder.yaml=helper", "--channel", "tasks", "--verbose")
    assert (done.code, done.out) == (0, "I asked.\n"), done.err
    assert "#tasks lead -> helper: build it" in done.err
    assert "helper: " in done.err


def test_who_talks_on_a_channel_can_be_said(kt: Any) -> None:
    beside(kt)
    words = ("--add", "./coder.yaml,./coder.yaml", "--channel", "tasks:lead>coder-2 news:coder>lead,coder-2>lead")
    done = kt("run", "./lead.yaml", "--explain", *words)
    assert "  #tasks lead -> coder-2\n  #news coder, coder-2 -> lead\n" in done.out
    assert "  #team lead, coder -> lead, coder\n" in kt("run", "./lead.yaml", "--explain", "--add", "./coder.yaml").out


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--add", "=x"), 2),
        (("--add", "./coder.yaml="), 2),
        (("--add", "./coder.yaml=lead"), 2),
        (("--add", "./nowhere.yaml"), 66),
        (("--add", "./coder.yaml", "--channel", "t:lead"), 2),
        (("--add", "./coder.yaml", "--channel", "t:lead>nobody"), 2),
        (("--add", "./coder.yaml", "--channel", " "), 2),
        (("--channel", "t"), 78),
    ],
)
def test_a_wrong_option_is_refused(kt: Any, words: tuple[str, ...], code: int) -> None:
    beside(kt)
    done = kt("run", "./lead.yaml", "go", *words)
    assert (done.code, done.out) == (code, "")
    assert done.error.startswith("error[E-")


@pytest.mark.parametrize("words", [(), ("--mode", "plain")], ids=["headless", "conversation"])
def test_a_team_that_a_kill_cut_goes_on_and_answers_the_same(kt: Any, words: tuple[str, ...]) -> None:
    ref = team(kt, coder=([{"tool": "stall", "args": {}}], "It works."))
    with kt.start("run", ref, "go") as process:
        for line in process.stderr:
            if b"hanging" in line:
                break
        process.send_signal(signal.SIGKILL)
    # A script begins anew, so what was played is taken off; whether the lead's "I asked." was kept is left open.
    team(kt, lead=LEAD[2:] * 2, coder=CODER[1:])
    done = kt("resume", "--last", "--verbose", *words)
    assert (done.code, done.out.splitlines()[-1]) == (0, "All is built."), done.err
    assert "coder -> lead: It works." in done.err
    assert kt("resume", "--last").code == 2


def test_a_team_goes_on_with_a_prompt(kt: Any) -> None:
    assert kt("run", team(kt), "go").code == 0
    team(kt, lead=("More of it.",))
    assert kt("resume", "--last", "more").out == "More of it.\n"


# The schema


def valid(data: Any) -> bool:
    return bool(jsonschema.Draft202012Validator(schema()).is_valid(data))


def names(cls: Any) -> set[str]:
    return {f.name for f in fields(cls)}


def test_the_schema_has_every_key_that_the_loader_reads_and_no_other() -> None:
    made = schema()
    jsonschema.Draft202012Validator.check_schema(made)
    assert set(made["properties"]["terrarium"]["properties"]) == set(TOP)
    defs = made["$defs"]
    assert set(defs["Place"]["properties"]) == names(Seat) | set(KEYS)
    for cls in (Ears, Pipe, Wiring, GraphLimits):
        assert set(defs[cls.__name__]["properties"]) == names(cls)
        assert defs[cls.__name__]["additionalProperties"] is False


def test_recipes_fit_the_schema(kt: Any) -> None:
    import yaml

    printed = json.loads(kt("terrarium", "schema").out)
    assert printed == schema()
    assert valid(yaml.safe_load(RECIPE))
    promoted = {"root": {"prompt": "lead"}, "creatures": [{"name": "a", "plugins": ["skills", {"budget": {}}]}]}
    assert valid({"terrarium": {**promoted, "channels": {"news": "what is new", "talk": None}}})
    for file in (Path(__file__).parents[2] / "plugins").glob("biome/kt_biome/terrariums/*/terrarium.yaml"):
        assert valid(yaml.safe_load(file.read_text())), file


@pytest.mark.parametrize(
    "change",
    [
        {"creatures": [{"prompt": "x"}]},
        {"creatures": [{"name": "a", "promt": "x"}]},
        {"creatures": [{"name": "a", "channels": {"lissten": ["x"]}}]},
        {"creatures": [{"name": "a", "output_wiring": [{"prompt": "x"}]}]},
        {"creatures": [{"name": "a", "restart": "sometimes"}]},
        {"channels": {"x": {"type": "pipe"}}},
        {"limits": {"max_hop": 3}},
        {"creature": []},
    ],
)
def test_what_the_loader_refuses_does_not_fit_the_schema(change: dict[str, Any]) -> None:
    assert valid({"terrarium": {"creatures": [{"name": "a"}]}})
    assert not valid({"terrarium": {"creatures": [{"name": "a"}], **change}})
