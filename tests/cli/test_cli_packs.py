"""kt install, uninstall, update, rollback, sync and trust @NAME, as they are typed; and what runs refuse."""

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

HELP = ["install", "uninstall", "update", "rollback", "sync", "check", "publish", "marketplace"]
ENTRY = """from kt import hookimpl


@hookimpl
def kt_register(registry):
    registry.tool("croak", "kt_pond.tools:croak", help="croaks")
    registry.plugin("reeds", "kt_pond.tools:Reeds", help="whispers")
    registry.creature("frog", "kt_pond:creatures/frog", help="croaks")
"""
TOOLS = """from kt import ToolNeeds, hookimpl, tool


@tool(needs=ToolNeeds(net=({host})), effect="read")
def croak() -> str:
    "Croak."
    return "croak"


class Reeds:
    @hookimpl
    def kt_prompt(self, agent):
        return "The reeds whisper."
"""
MANIFEST = """[pack]
name = "kt-pond"
version = "{version}"
description = "A frog"
kt = ">=0.1"
hooks = ["kt_prompt"]
{needs}
[[provides]]
kind = "creature"
name = "frog"
"""
PROJECT = """[project]
name = "kt-pond"
version = "{version}"
description = "A frog"
requires-python = ">=3.11"
dependencies = ["kt-core"]
[project.entry-points.kt]
pond = "kt_pond"
[build-system]
requires = ["uv_build>=0.9,<1"]
build-backend = "uv_build"
[tool.uv.build-backend]
module-root = ""
module-name = "kt_pond"
"""


def pond(folder: Path, *, version: str = "1.0", needs: str = "", host: str = "", module: str = TOOLS) -> Path:
    """Write the source of a pack; return its folder."""
    package = folder / "kt-pond" / "kt_pond"
    (package / "creatures" / "frog").mkdir(parents=True, exist_ok=True)
    (folder / "kt-pond" / "pyproject.toml").write_text(PROJECT.format(version=version))
    (package / "kt-pack.toml").write_text(MANIFEST.format(version=version, needs=needs))
    (package / "__init__.py").write_text(ENTRY)
    (package / "tools.py").write_text(module.replace("{host}", host))
    (package / "creatures" / "frog" / "creature.yaml").write_text("prompt: You are a frog.\ntools: [croak]\n")
    return folder / "kt-pond"


def beside(kt: Any, source: Path) -> None:
    """Put a pack beside the environment as another installer would, without a look."""
    site = kt.folder / "site"
    info = site / "kt_pond-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: kt-pond\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[kt]\npond = kt_pond\n")
    (site / "kt_pond").symlink_to(source / "kt_pond")
    kt.env["PYTHONPATH"] = str(site)


def frog(kt: Any, *words: str) -> Any:
    return kt("run", "@kt-pond/creatures/frog", "hello", "--model", "scripted", "--no-session", *words)


@pytest.mark.parametrize("command", HELP)
@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help_is_printed_and_nothing_done(kt: Any, command: str, option: str) -> None:
    done = kt(command, option)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"Usage: kt {command}")
    assert not (kt.home / "packs").exists()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("install",), "required: PACK"),
        (("install", "--force", "x"), "unrecognized arguments: --force"),
        (("uninstall",), "required: PACK"),
        (("update",), "name packs, or say --all"),
        (("update", "--all", "x"), "name packs, or say --all"),
        (("rollback", "x"), "unrecognized arguments: x"),
        (("sync", "a", "b"), "unrecognized arguments: b"),
        (("uninstall", "kt-core"), "kt-core is part of this installation"),
    ],
)
def test_what_makes_no_sense_is_a_usage_error(kt: Any, words: tuple[str, ...], says: str) -> None:
    done = kt(*words)
    assert done.code == 2
    assert says in done.err


def test_from_install_to_rollback(kt: Any) -> None:
    source = pond(kt.folder, needs='[needs]\nnet = ["pond.example"]')
    refused = kt("install", str(source))
    assert (refused.code, refused.out) == (77, "")
    assert "error[E-REFUSED]" in refused.err
    done = kt("install", "./kt-pond", "--yes")
    assert (done.code, done.out) == (0, "installed kt-pond 1.0\n")
    assert "may      reach pond.example" in done.err
    assert kt("install", "kt-pond").out == "kt-pond is there already\n"
    assert frog(kt).code == 0
    info = kt("info", "@kt-pond").out
    assert "from folder, as" in info
    assert "may reach pond.example" in info
    assert "ok   packs: kt-pond 1.0" in kt("doctor").out
    assert kt("uninstall", "kt-pond", "-y").out == "removed kt-pond 1.0\n"
    assert frog(kt).code == 66
    assert kt("rollback", "-y").code == 0
    assert frog(kt).code == 0
    assert kt("sync").out == "in step with the lock\n"
    assert kt("update", "--all", "--yes").out == "everything is as new as it can be\n"


def test_a_pack_that_nobody_looked_at_is_asked_about_once(kt: Any) -> None:
    beside(kt, pond(kt.folder, needs='[needs]\nsecrets = ["POND_KEY"]'))
    done = frog(kt)
    assert done.code == 77
    assert "may use the secrets POND_KEY" in done.err
    assert "kt-pond was not approved. hint: kt trust @kt-pond" in done.err
    assert frog(kt, "--explain").code == 77
    (kt.folder / "own.yaml").write_text("prompt: You are an owl.\n")
    own = ("run", "./own.yaml", "hello", "--model", "scripted", "--no-session")
    assert kt(*own).code == 0
    assert kt(*own, "-p", "reeds").code == 77
    assert kt("trust", "@kt-pond").out == "kt-pond may use the secrets POND_KEY\nkt-pond is trusted\n"
    assert frog(kt).code == 0
    assert kt(*own, "-p", "reeds").code == 0
    pond(kt.folder, needs='[needs]\nsecrets = ["POND_KEY", "LAKE_KEY"]')
    grown = frog(kt)
    assert grown.code == 77
    assert "LAKE_KEY" in grown.err
    assert "POND_KEY" not in grown.err
    (kt.home / "approved.json").write_text("[]")
    assert frog(kt).code == 65


def test_a_tool_that_wants_more_than_its_pack_said_ends_the_run(kt: Any) -> None:
    beside(kt, pond(kt.folder, host='"lake.example",'))
    assert kt("trust", "@kt-pond").code == 0
    done = frog(kt)
    assert done.code == 77
    assert "the tool croak of kt-pond would reach lake.example, which its kt-pack.toml does not say" in done.err
    pond(kt.folder, host='"lake.example",', needs='[needs]\nnet = ["lake.example"]')
    assert kt("trust", "@kt-pond").code == 0
    assert frog(kt).code == 0


def test_a_pack_with_a_broken_module_is_named_and_can_be_removed(kt: Any) -> None:
    source = pond(kt.folder)
    assert kt("install", "-e", "./kt-pond", "--yes").code == 0
    (source / "kt_pond" / "__init__.py").write_text("import nowhere_at_all\n")
    done = frog(kt)
    assert done.code == 78
    assert "plugin 'pond' of kt-pond 1.0 does not load: ModuleNotFoundError" in done.err
    own = kt("run", "hello", "--model", "scripted", "--no-session", "--skip-bad-plugins")
    assert own.code == 0
    assert "pond" in kt("doctor").out
    assert kt("uninstall", "kt-pond", "--yes").code == 0
    assert kt("run", "hello", "--model", "scripted", "--no-session").code == 0


def test_a_pack_that_ends_every_process_can_be_removed(kt: Any) -> None:
    source = pond(kt.folder)
    assert kt("install", "-e", "./kt-pond", "--yes").code == 0
    (source / "kt_pond" / "__init__.py").write_text("import os\n\nos._exit(3)\n")
    assert kt("list").code == 3
    assert kt("rollback", "--yes").code == 0
    assert kt("list").code == 0
    assert kt("rollback", "--yes").code == 0
    assert kt("list").code == 3
    assert kt("uninstall", "kt-pond", "--yes").out == "removed kt-pond 1.0\n"
    assert kt("list").code == 0


def test_a_creature_that_names_what_was_removed_says_so(kt: Any) -> None:
    pond(kt.folder)
    assert kt("install", "./kt-pond", "--yes").code == 0
    (kt.folder / "own.yaml").write_text("base: '@kt-pond/creatures/frog'\n")
    (kt.folder / "tool.yaml").write_text("tools: [croak]\n")
    (kt.folder / "plugin.yaml").write_text("plugins: [reeds]\n")
    runs = {name: ("run", f"./{name}.yaml", "hello", "--model", "scripted", "--no-session")
            for name in ("own", "tool", "plugin")}  # fmt: skip
    assert [kt(*words).code for words in runs.values()] == [0, 0, 0]
    assert kt("uninstall", "kt-pond", "--yes").code == 0
    done = kt(*runs["own"])
    assert (done.code, "no pack 'kt-pond' is installed" in done.err, "own.yaml:1:" in done.err) == (66, True, True)
    done = kt(*runs["tool"])
    assert (done.code, "no tool named 'croak'" in done.err) == (78, True)
    done = kt(*runs["plugin"])
    assert (done.code, "no plugin named 'reeds'" in done.err, "kt install" in done.err) == (78, True, False)


def test_two_packs_that_claim_one_name_are_both_named(kt: Any) -> None:
    pond(kt.folder)
    assert kt("install", "./kt-pond", "--yes").code == 0
    other = kt.folder / "kt-lake" / "kt_lake"
    other.mkdir(parents=True)
    text = PROJECT.format(version="2.0").replace("pond", "lake")
    (other.parent / "pyproject.toml").write_text(text)
    (other / "kt-pack.toml").write_text(MANIFEST.partition("hooks")[0].format(version="2.0").replace("pond", "lake"))
    (other / "__init__.py").write_text(
        'from kt import hookimpl\n\n\n@hookimpl\ndef kt_register(registry):\n    registry.tool("croak", "kt_lake:x")\n'
    )
    assert kt("install", "./kt-lake", "--yes").code == 0
    done = frog(kt)
    assert done.code == 78
    assert "'croak' is registered by kt-lake 2.0 and by kt-pond 1.0" in done.err
    assert kt("uninstall", "kt-lake", "--yes").code == 0
    assert frog(kt).code == 0


def test_what_was_changed_after_it_was_installed_does_not_run(kt: Any) -> None:
    pond(kt.folder)
    assert kt("install", "./kt-pond", "--yes").code == 0
    (record,) = (kt.home / "packs").glob("*/site/kt_pond*/RECORD")
    text = record.read_text()
    record.write_text(text.replace("tools.py,sha256=", "tools.py,sha256=0"))
    done = frog(kt)
    assert (done.code, "error[E-TAMPERED]: kt-pond 1.0" in done.err) == (65, True)
    record.write_text(text)
    (record.parent.parent / "kt_pond" / "tools.py").write_text("")
    doctor = kt("doctor")
    assert "FAIL packs: changed after they were inspected: kt_pond/tools.py. fix: kt sync" in doctor.out
    assert kt("sync").code == 0
    assert frog(kt).code == 0
    (kt.home / "kt.lock").write_text("{}")
    assert frog(kt).code in (65, 66)
    done = kt("install", "./kt-pond", "--yes")
    assert (done.code, "hint: kt rollback" in done.err) == (65, True)
    assert kt("rollback", "-y").code == 0
    assert kt("list").code == 0


def test_the_lock_is_json_that_a_person_can_read(kt: Any) -> None:
    pond(kt.folder, needs='[needs]\nnet = ["pond.example"]')
    assert kt("install", "./kt-pond", "--yes").code == 0
    lock = json.loads((kt.home / "kt.lock").read_text())
    pack = lock["packs"]["kt-pond"]
    assert lock["format"] == 1
    assert pack["needs"] == {"net": ["pond.example"]}
    assert pack["requested"] == str(kt.folder / "kt-pond")
    assert sys.prefix not in json.dumps(lock)


def test_the_skills_and_prompts_of_a_pack_are_told(kt: Any) -> None:
    listed = "".join(
        f'[[provides]]\nkind = "{kind}"\nname = "{name}"\ndescription = "Says {name}"\n'
        for kind, name in (("skill", "leap"), ("prompt", "wet"), ("skill", "terrarium"))  # the last is kt-skills' too
    )
    package = pond(kt.folder, needs=listed) / "kt_pond"
    for name in ("leap", "terrarium"):
        (package / "skills" / name).mkdir(parents=True)
        (package / "skills" / name / "SKILL.md").write_text(f"---\nname: {name}\ndescription: Leaps\n---\nLeap.\n")
    (package / "prompts").mkdir()
    (package / "prompts" / "wet.md").write_text("Be wet.\n")
    assert kt("install", "./kt-pond", "--yes").code == 0
    lines = kt("info", "kt-pond").out.splitlines()
    assert "  skill @kt-pond/skills/leap: Says leap" in lines
    assert "  skill @kt-pond/skills/terrarium: Says terrarium" in lines
    assert "  prompt @kt-pond/prompts/wet.md: Says wet" in lines
    assert [line for line in kt("info", "kt-skills").out.splitlines() if line.startswith("  skill ")] == [
        "  skill terrarium: what a model has to know of kt itself"
    ]


def test_installed_packs_are_listed_with_what_they_carry(kt: Any) -> None:
    source = pond(kt.folder)
    newt = source / "kt_pond" / "creatures" / "newt.yaml"
    newt.write_text("description: Swims by night\nprompt: You are a newt.\n")
    assert [row for row in json.loads(kt("list", "--json").out) if row["kind"] == "pack"] == []
    assert kt("install", "-e", "./kt-pond", "--yes").code == 0
    (row,) = [row for row in json.loads(kt("list", "--json").out) if row["kind"] == "pack"]
    assert row == {
        "kind": "pack", "name": "kt-pond", "help": "A frog", "distribution": "kt-pond", "version": "1.0",
        "source": "folder", "runs_from": str(source),
    }  # fmt: skip
    listed = kt("list").out
    assert f"pack:\n  kt-pond  A frog  (1.0 from folder, runs from {source})\n" in listed
    assert "@kt-pond/creatures/newt.yaml" in listed
    assert "Swims by night  (kt-pond 1.0)" in listed
    assert "  creature @kt-pond/creatures/newt.yaml: Swims by night\n" in kt("info", "kt-pond").out
    newt.write_text("description: [Swims\n")
    assert "(broken YAML: " in kt("list").out


def test_a_pack_that_is_not_built_is_not_said_to_be_missing(kt: Any) -> None:
    pond(kt.folder)
    assert kt("install", "./kt-pond", "--yes").code == 0
    shutil.move(kt.home / "packs", kt.folder / "packs")
    done = frog(kt)
    assert (done.code, "error[E-NOTBUILT]: the packs of kt.lock" in done.err, "kt sync" in done.err) == (78, True, True)
    done = kt("sync", "--wheels", str(kt.folder / "packs" / "wheels"))
    assert (done.code, done.out) == (0, "repaired kt-pond 1.0\n")
    assert frog(kt).code == 0


def test_a_pack_whose_folder_is_gone_is_named_and_in_nobodys_way(kt: Any) -> None:
    source = pond(kt.folder)
    assert kt("install", "-e", "./kt-pond", "--yes").code == 0
    moved = source.rename(kt.folder / "moved")
    says = f"kt-pond runs from {source}, which is gone"
    done = frog(kt)
    assert (done.code, says in done.err) == (78, True)
    assert says in kt("doctor").out
    done = kt("sync")
    assert (done.code, says in done.err) == (0, True)
    assert kt("install", "-e", str(moved), "--yes").code == 0
    assert frog(kt).code == 0


def test_what_was_done_is_an_object_for_programs(kt: Any) -> None:
    pond(kt.folder)
    nothing = {"installed": [], "updated": [], "removed": [], "repaired": [], "already": []}
    row = {"name": "kt-pond", "version": "1.0"}

    def done(*words: str) -> Any:
        return json.loads(kt(*words, "--yes", "--json").out)

    assert kt("install", "./kt-pond", "--yes", "--dry-run").out == "would install kt-pond 1.0\n"
    assert done("install", "./kt-pond") == {**nothing, "installed": [row]}
    assert done("install", "kt-pond") == {**nothing, "already": ["kt-pond"]}
    pond(kt.folder, version="2.0")
    assert kt("update", "kt-pond", "--yes", "--dry-run").out == "would install kt-pond 2.0\n"
    new = {"name": "kt-pond", "version": "2.0", "from": "1.0"}
    assert done("update", "--all") == {**nothing, "updated": [new]}
    assert done("rollback") == {**nothing, "updated": [{**row, "from": "2.0"}]}
    assert done("sync") == nothing
    assert done("uninstall", "./kt-pond") == {**nothing, "removed": [row]}
