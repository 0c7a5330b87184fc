"""kt profile: the profiles there are, and what one enables, in order and by whom."""

import json
from pathlib import Path
from typing import Any

import pytest

USER = """[profile.default]
plugins = ["jobs", "no:prices"]

[profile.default.config.jobs]
x = 1

[profile.ci]
extends = "default"

[profile.ci.creature.swe]
plugins = ["budget"]
guards = ["early"]
"""


@pytest.fixture
def config(kt: Any) -> Path:
    kt.home.mkdir(exist_ok=True)
    file: Path = kt.home / "config.toml"
    file.write_text(USER)
    return file


def shown(kt: Any, *words: str) -> Any:
    done = kt("profile", *words, "--json")
    assert done.code == 0, done.err
    return json.loads(done.out)


def test_all_profiles_are_listed_with_where_they_stand(kt: Any, config: Path) -> None:
    ci, default = shown(kt, "list")
    assert (ci["name"], ci["said"]) == ("ci", [f"{config}:7:2"])
    assert (default["name"], default["said"]) == ("default", ["built-in (kterrarium)", f"{config}:1:2"])
    assert "jobs" in default["plugins"]
    lines = kt("profile", "list").out.splitlines()
    assert lines[1].startswith(f"default  {len(default['plugins'])} plugins, 4 guards  (built-in (kterrarium); ")


def test_what_a_profile_enables_is_shown_in_order_with_who_said_it(kt: Any, config: Path) -> None:
    data = shown(kt, "show", "default")
    rows = {row["name"]: row for row in data["plugins"]}
    assert next(iter(rows)) == "skills"
    assert "prices" not in rows
    assert rows["jobs"] == {"name": "jobs", "settings": {"x": 1}, "said": [f"{config}:2:1", f"{config}:4:2"]}
    assert [row["name"] for row in data["guards"]] == ["permissions", "sandbox", "redact", "packs"]
    assert data["guards"][0]["said"] == ["built-in (kterrarium)"]


def test_what_it_says_of_a_creature_is_shown_for_that_one(kt: Any, config: Path) -> None:
    swe, other = shown(kt, "show", "ci", "--creature", "swe"), shown(kt, "show", "ci")
    assert {"name": "budget", "settings": {}, "said": [f"{config}:11:1"]} in swe["plugins"]
    assert "budget" not in [row["name"] for row in other["plugins"]]
    assert [row["name"] for row in swe["guards"]] == ["permissions", "sandbox", "redact", "packs", "early"]
    assert f"early  ({config}:12:1; built-in (kterrarium))" in kt("profile", "show", "ci", "--creature", "swe").out


def test_a_trusted_projects_part_is_placed(kt: Any, config: Path) -> None:
    (kt.folder / ".kt").mkdir()
    file = kt.folder / ".kt" / "config.toml"
    file.write_text('[profile.default]\nplugins = ["budget"]\n')
    assert str(file) not in kt("profile", "list").out
    assert kt("trust").code == 0
    rows = {row["name"]: row["said"] for row in shown(kt, "show", "default")["plugins"]}
    assert rows["budget"] == [f"{file}:2:1"]


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("show", "defalt"), 78, "did you mean default"),
        (("show",), 2, "Missing argument"),
        (("lst",), 2, "did you mean list"),
    ],
)
def test_what_it_does_not_know_is_named(kt: Any, words: tuple[str, ...], code: int, says: str) -> None:
    done = kt("profile", *words)
    assert done.code == code
    assert says in done.error


def test_help(kt: Any) -> None:
    assert kt("profile").out.startswith("Usage: kt profile COMMAND")
    assert kt("profile", "show", "--help").out.startswith("Usage: kt profile show")


def test_disabling_what_is_not_there_is_an_error_or_told(kt: Any) -> None:
    done = kt.play("hi", "-p", "no:skils")
    assert (done.code, done.error) == (
        78, "error[E-UNKNOWN]: no plugin named 'skils' to disable (no:skils). hint: did you mean skills?",
    )  # fmt: skip
    assert kt.play("hi", "-p", "no:skills").code == 0
    kt.env["KT_PLUGINS"] = "no:skils"
    assert kt.play("hi").code == 78
    del kt.env["KT_PLUGINS"]
    kt.home.mkdir(exist_ok=True)
    (kt.home / "config.toml").write_text('[profile.default]\nplugins = ["no:skils"]\n')
    done = kt.play("hi")
    assert (done.code, done.out) == (0, "Hello there.\n")
    where = f"{kt.home / 'config.toml'}:2:1"
    assert done.err == f"kt: no plugin is called 'skils', which {where} disables (did you mean skills?)\n"


def test_a_plugin_that_is_not_installed_can_be_disabled_where_it_is_named(kt: Any) -> None:
    (kt.folder / "c.yaml").write_text("plugins: [nowhere]\n")
    assert kt.play("hi").code == 78
    assert kt.play("hi", "-p", "no:nowhere").code == 0
