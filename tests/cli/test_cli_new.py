"""kt new: what is made is whole, builds, keeps the contract, and the commands it advises work.

Scaffolds are installed in a home of their own; pytest gets kt's fixtures by name, wherever this checkout stands.
"""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from kt_marketplace.check.report import build

ROOT = Path(__file__).parent.parent.parent
KINDS = ("pack", "plugin", "provider", "tool")
ALONE = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_PLUGINS": "kt_marketplace.fixtures,anyio"}


def run(*words: str | Path, cwd: Path, env: dict[str, str] | None = None) -> str:
    """Run a program that must succeed; return what it prints."""
    given = os.environ if env is None else env
    done = subprocess.run(
        words, cwd=cwd, env=given, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode == 0, f"{words}\n{done.stdout}"
    return done.stdout


def advised(made: Any) -> str:
    """Return the command that the last line names."""
    return str(made.out.splitlines()[-1].removeprefix("next: "))


@pytest.mark.parametrize("kind", KINDS)
def test_what_it_advises_next_works(kt: Any, kind: str) -> None:
    made = kt("new", kind, f"my-{kind}")
    assert made.code == 0, made.err
    assert advised(made).split(" && ") == [
        f"kt install -e ./kt-my-{kind} --yes", f"python -m pytest kt-my-{kind}", f"kt check ./kt-my-{kind}"
    ]  # fmt: skip
    path = f"{Path(sys.executable).parent}{os.pathsep}{kt.env['PATH']}"
    env = {**kt.env, **ALONE, "PATH": path}
    said = run("bash", "-c", advised(made), cwd=kt.folder, env=env)
    assert f"installed kt-my-{kind} 0.1.0" in said
    assert re.search(r"\d passed", said)
    assert "FAIL" not in said
    assert "\nok   " in said
    assert kt("info", f"kt-my-{kind}").code == 0


@pytest.mark.parametrize("kind", KINDS)
def test_it_builds_with_its_manifest_and_licence(kt: Any, kind: str, tmp_path: Path) -> None:
    import zipfile

    kt("new", kind, "hedge")
    with zipfile.ZipFile(build(kt.folder / "kt-hedge", tmp_path)) as wheel:
        names = set(wheel.namelist())
    assert {"kt_hedge/kt-pack.toml", "kt_hedge/py.typed", "kt_hedge-0.1.0.dist-info/licenses/LICENSE"} <= names
    if kind == "pack":
        assert {"kt_hedge/creatures/hedge/prompt.md", "kt_hedge/skills/hedge-style/SKILL.md"} <= names


@pytest.mark.parametrize("kind", [*KINDS, "creature"])
@pytest.mark.parametrize("name", ["a", "my-hedge"])
def test_its_code_is_clean(kt: Any, kind: str, name: str) -> None:
    kt("new", kind, name)
    folder = kt.folder / (name if kind == "creature" else f"kt-{name}")
    for config in ([], ["--config", str(ROOT / "pyproject.toml")]):
        run(sys.executable, "-m", "ruff", "check", "--no-cache", *config, ".", cwd=folder)
    run(sys.executable, "-m", "ruff", "format", "--no-cache", "--check", ".", cwd=folder)


@pytest.mark.parametrize("kind", [*KINDS, "creature"])
def test_its_types_are_right(kt: Any, kind: str) -> None:
    kt("new", kind, "hedge")
    folder = kt.folder / ("hedge" if kind == "creature" else "kt-hedge")
    paths = os.pathsep.join(str(ROOT / inside) for inside in ("kernel", "providers/http"))
    said = run(
        sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(ROOT / ".mypy_cache" / "scaffolds"), ".",
        cwd=folder, env={**os.environ, "MYPYPATH": paths},
    )  # fmt: skip
    assert "Success" in said


@pytest.mark.parametrize("kind", [*KINDS, "creature"])
def test_every_file_is_listed_and_filled_in(kt: Any, kind: str) -> None:
    made = kt("new", kind, "my-hedge")
    written = [path for path in kt.folder.rglob("*") if path.is_file() and "hedge" in path.parts[len(kt.folder.parts)]]
    assert sorted(str(p.relative_to(kt.folder)) for p in written) == made.out.splitlines()[:-1]
    for path in written:
        assert not re.search(r"__[A-Z]+__", path.read_text()), path
        assert "NAME" not in str(path.relative_to(kt.folder))
        assert not path.name.endswith(".in")


def test_a_creature_that_was_made_is_healthy_and_runs(kt: Any) -> None:
    made = kt("new", "creature", "my-hedge")
    assert made.out.splitlines()[-1] == "next: kt run ./my-hedge 'hello' --model scripted"
    assert "ok   creature ./my-hedge" in kt("doctor", "./my-hedge").out
    env = {**kt.env, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{kt.env['PATH']}"}
    assert "scripted demo" in run("bash", "-c", advised(made), cwd=kt.folder, env=env)
    assert kt("model", "default", "scripted").code == 0
    made = kt("new", "creature", "other-hedge")
    assert advised(made) == "kt doctor ./other-hedge && kt run ./other-hedge 'hello'"
    assert "scripted demo" in run("bash", "-c", advised(made), cwd=kt.folder, env=env)


def test_what_is_there_is_left_as_it_is(kt: Any) -> None:
    assert kt("new", "pack", "hedge").code == 0
    (kt.folder / "kt-hedge" / "README.md").write_text("mine")
    done = kt("new", "tool", "hedge")
    assert (done.code, done.out) == (73, "")
    assert (kt.folder / "kt-hedge" / "README.md").read_text() == "mine"


@pytest.mark.parametrize("words", [("new", "terrarium", "x"), ("new", "pack", "Not-A-Name"), ("new", "pack", "for")])
def test_what_can_not_be_made_is_refused(kt: Any, words: tuple[str, ...]) -> None:
    done = kt(*words)
    assert done.code == 2
    assert list(kt.folder.glob("kt-*")) == []


def test_a_prefix_is_no_part_of_the_name(kt: Any) -> None:
    assert kt("new", "pack", "kt-heron").out.startswith("kt-heron/.gitignore\n")
    assert (kt.folder / "kt-heron" / "kt_heron" / "__init__.py").is_file()


def test_the_name_of_a_distribution_that_there_is_is_refused(kt: Any, plugin: Any) -> None:
    plugin("extra", "")
    for name, says in (
        ("biome", "one of kt's own packs"),
        ("kt-evals", "one of kt's own"),
        ("extra", "is installed"),
        ("cli", "kterrarium has the import package kt_cli already"),
    ):
        done = kt("new", "pack", name)
        assert (done.code, says in done.error) == (2, True)
    assert list(kt.folder.glob("kt-*")) == []


def test_the_name_of_a_module_that_is_installed_is_refused(kt: Any, plugin: Any) -> None:
    plugin("extra", "")
    site = Path(kt.env["PYTHONPATH"])
    (site / "kt_dune").mkdir()
    (site / "kt_dune" / "__init__.py").touch()
    with next(site.glob("kt_extra*.dist-info")).joinpath("RECORD").open("w") as record:
        record.write("kt_dune/__init__.py,,\n")
    assert "kt-extra has the import package kt_dune already" in kt("new", "tool", "dune").error
    assert kt("new", "creature", "dune").code == 0


def test_a_name_that_something_registered_is_told(kt: Any) -> None:
    done = kt("new", "tool", "read")
    assert done.code == 0
    said = "kt: the tool 'read' of kt-builtin-tools is there already: rename yours before you install it\n"
    assert done.err == said
    assert kt("new", "tool", "reads").err == ""
