"""kt check on folders and wheels: built, inspected, and only then loaded, in a process of its own."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from kt import Plugins
from kt.errors import DataError, NotFound
from kt_cli.commands import new
from kt_marketplace import inspect
from kt_marketplace.check import problems, report
from kt_marketplace.check.fixes import FIXES

from . import wheels


@pytest.fixture
def plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plugins:
    monkeypatch.setenv("KT_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return Plugins()


@pytest.fixture
def folder(plugins: Plugins, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """Return the folder of a pack that `kt new` made."""
    assert new.main(["plugin", "hedge"], plugins) == 0
    capsys.readouterr()
    return tmp_path / "kt-hedge"


def test_a_folder_is_built_inspected_and_loaded_elsewhere(folder: Path, plugins: Plugins) -> None:
    (folder / "kt_hedge" / "__init__.py").write_text(
        (folder / "kt_hedge" / "__init__.py").read_text() + "\nprint('hello from the pack')\n"
    )
    given = report(folder, plugins)
    assert [problem for outcome in given for problem in outcome.problems] == []
    assert [outcome.name for outcome in given] == [
        "manifest", "metadata", "entry module", "wheel", "loading", "provides", "hooks", "texts", "plugin hedge"
    ]  # fmt: skip
    assert "kt_hedge" not in sys.modules
    assert not (folder / "dist").exists()


def test_a_wheel_is_checked_as_its_folder_is(folder: Path, plugins: Plugins, tmp_path: Path) -> None:
    from kt_marketplace.check.report import build

    wheel = build(folder, tmp_path)
    assert problems(wheel, plugins) == []
    assert problems(str(wheel), plugins) == []


def test_what_the_wheel_leaves_out_is_missed(folder: Path, plugins: Plugins) -> None:
    project = folder / "pyproject.toml"
    project.write_text(project.read_text().replace('module-root = ""', 'module-root = ""\nwheel-exclude = ["*.toml"]'))
    assert [(p.name, p.text) for p in problems(folder, plugins)][:1] == [
        ("manifest", "kt_hedge/kt-pack.toml is missing")
    ]


def test_what_the_metadata_lacks_is_named(folder: Path, plugins: Plugins) -> None:
    project = folder / "pyproject.toml"
    kept = [line for line in project.read_text().splitlines() if not line.startswith(("readme", "license", "desc"))]
    project.write_text("\n".join(kept).replace('"kt-core>=0.1,<1"', ""))
    texts = [problem.text for problem in problems(folder, plugins) if problem.name == "metadata"]
    assert texts == [
        "it has no description", "it names no licence", "it has no README", "it does not depend on kt-core"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("import os\nos._exit(3)", "the process ended with 3: it said nothing"),
        ("raise SystemExit('no')", "the process ended with 1: no"),
        ("1 / 0", "ZeroDivisionError"),
    ],
)
def test_code_that_ends_the_process_is_a_problem(folder: Path, plugins: Plugins, code: str, says: str) -> None:
    module = folder / "kt_hedge" / "__init__.py"
    module.write_text(module.read_text() + f"\n\n{code}\n")
    (problem,) = [p for p in problems(folder, plugins) if p.name == "loading"]
    assert says in problem.text
    assert problem.fix


def test_code_that_does_not_end_is_a_problem(folder: Path, plugins: Plugins, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kt_marketplace.check.process.SECONDS", 2)
    module = folder / "kt_hedge" / "__init__.py"
    module.write_text(module.read_text() + "\n\nwhile True:\n    pass\n")
    (problem,) = problems(folder, plugins)
    assert problem.text == "it did not end within 2 s"


def test_the_code_of_a_wheel_that_is_refused_does_not_run(plugins: Plugins, tmp_path: Path) -> None:
    wheel = wheels.make_wheel(
        tmp_path, "kt-toad", entry_points={"kt": {"toad": "kt_toad"}}, manifest=wheels.pack("kt-other")
    )
    given = report(wheel, plugins)
    assert [outcome.name for outcome in given][-1] == "wheel"
    assert given[-1].problems
    assert not wheels.canary(tmp_path).exists()


@pytest.mark.parametrize(
    ("kind", "name", "owner"),
    [
        ("tool", "bash", "kt-builtin-tools"),
        ("plugin", "budget", "kt-budget"),
        ("provider", "codex", "kt-codex"),
        ("command", "doctor", "kterrarium"),
        ("skill", "bug-hunt", ""),  # what only lies in the pack's folder is called by its pack
        ("tool", "croak", ""),
    ],
)
def test_a_name_that_an_official_pack_has_is_refused(
    plugins: Plugins, tmp_path: Path, kind: str, name: str, owner: str
) -> None:
    wheel = wheels.make_pack(tmp_path, "kt-toad", provides=[(kind, name)])
    found = [(p.text, bool(p.fix)) for p in problems(wheel, plugins) if " is registered by " in p.text]
    assert found == ([(f"{kind} {name} is registered by {owner}", True)] if owner else [])


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ("override=True", []),
        ("override=OVER", []),  # computed: who installs it is asked
        ("override=False", ["tool bash is registered by kt-builtin-tools"]),
    ],
)
def test_a_name_may_be_taken_over(plugins: Plugins, tmp_path: Path, options: str, says: list[str]) -> None:
    code = f"def kt_register(registry):\n    registry.tool('bash', 'kt_toad:bash', {options})\n"
    wheel = wheels.make_pack(tmp_path, "kt-toad", files={"kt_toad/__init__.py": code}, provides=[("tool", "bash")])
    assert [p.text for p in problems(wheel, plugins) if " is registered by " in p.text] == says


def test_an_official_pack_has_its_own_names(plugins: Plugins, tmp_path: Path) -> None:
    wheel = wheels.make_pack(tmp_path, "kt-budget", "99", provides=[("plugin", "budget")])
    assert [p for p in problems(wheel, plugins) if " is registered by " in p.text] == []


def refusals() -> Iterator[str]:
    """Yield the codes of what the inspection may refuse."""
    for file in Path(inspect.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Finding":
                level, code = node.args[:2]
                said = {part.value for part in ast.walk(level) if isinstance(part, ast.Constant)}
                if isinstance(code, ast.Constant) and (not said or "refuse" in said):
                    yield str(code.value)


def test_each_refusal_has_a_fix_that_a_person_can_follow() -> None:
    codes = set(refusals()) - {"native"}  # whose level is "ask" or "note"
    assert len(codes) > 30
    assert codes - FIXES.keys() == set()
    assert [fix for code, fix in FIXES.items() if "see docs" in fix or fix.startswith(code)] == []


def test_the_fix_of_a_refusal_is_told(plugins: Plugins, tmp_path: Path) -> None:
    code = "import subprocess\n\n\ndef kt_register(registry):\n    subprocess.run(['ls'])\n"
    wheel = wheels.make_pack(tmp_path, "kt-toad", files={"kt_toad/__init__.py": code})
    (problem,) = [p for p in problems(wheel, plugins) if p.name == "wheel"]
    assert "the manifest does not declare exec" in problem.text
    assert problem.fix == "declare it under [needs] in kt-pack.toml, or take it out of the code or the creature"


def test_a_folder_that_does_not_build_is_a_problem(folder: Path, plugins: Plugins) -> None:
    (folder / "pyproject.toml").write_text("[project]\nname = 3\n")
    (problem,) = problems(folder, plugins)
    assert (problem.name, problem.fix) == ("build", "uv build --wheel")
    (folder / "pyproject.toml").unlink()
    (problem,) = problems(folder, plugins)
    assert "there is no pyproject.toml" in problem.text


def test_what_is_no_wheel_is_no_pack(plugins: Plugins, tmp_path: Path) -> None:
    (tmp_path / "x-1-py3-none-any.whl").write_bytes(b"no archive")
    with pytest.raises(DataError, match="no wheel"):
        report(tmp_path / "x-1-py3-none-any.whl", plugins)
    with pytest.raises(NotFound):
        report(tmp_path / "y-1-py3-none-any.whl", plugins)
