"""Attacks by the tasks of an evals file, and by what is imported."""

import json
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from kt import Plugins
from kt.errors import DataError
from kt_evals.command import main as kt_eval
from kt_import.command import main as kt_import

from .installing import Home
from .test_install_folders import repository as repository


@dataclass
class Evals:
    """A creature with a task whose folder is the attacker's."""

    folder: Path

    def __post_init__(self) -> None:
        self.fixture = self.folder / "c" / "fixture"
        self.fixture.mkdir(parents=True)
        (self.folder / "c" / "creature.yaml").write_text("prompt: x\n")
        (self.folder / "script.json").write_text('["done"]')

    def run(self, task: str) -> None:
        (self.folder / "c" / "evals.yaml").write_text(
            f"tasks: [{{name: one, prompt: go, folder: fixture, {task}, checks: [{{answer: done}}]}}]\n"
        )
        with suppress(DataError):
            kt_eval([str(self.folder / "c"), "--scripted", str(self.folder / "script.json")], Plugins())


def test_a_task_brings_no_settings_of_git(home: Home, tmp_path: Path) -> None:
    evals = Evals(tmp_path)
    subprocess.run(["git", "init", "-q", str(evals.fixture)], check=True)
    with (evals.fixture / ".git" / "config").open("a") as file:
        file.write(f'[core]\n\tfsmonitor = "touch {tmp_path}/ran; false"\n')
    evals.run("committed: {a.txt: hi}")
    assert not (tmp_path / "ran").exists()


def test_a_task_writes_nothing_outside_its_folder(home: Home, tmp_path: Path) -> None:
    evals = Evals(tmp_path)
    (evals.fixture / "out").symlink_to(tmp_path)
    evals.run("files: {out/authorized_keys: evil}")
    assert not (tmp_path / "authorized_keys").exists()


def test_an_import_copies_nothing_from_outside_the_source(home: Home, tmp_path: Path) -> None:
    (tmp_path / "private").write_text("---\nname: leak\ndescription: d\n---\nthe secret\n")
    (tmp_path / "source" / ".claude" / "agents").mkdir(parents=True)
    (tmp_path / "source" / ".claude" / "agents" / "leak.md").symlink_to(tmp_path / "private")
    (tmp_path / "source" / ".claude" / "agents" / "own.md").write_text("---\nname: own\ndescription: d\n---\nx\n")
    kt_import(["claude", str(tmp_path / "source"), "--to", str(tmp_path / "out")], Plugins())
    assert (tmp_path / "out" / "agents" / "own").is_dir()
    assert not any("the secret" in file.read_text() for file in (tmp_path / "out").rglob("*.md"))


def test_a_pattern_of_an_evals_file_ends(home: Home, tmp_path: Path) -> None:
    evals = Evals(tmp_path)
    (tmp_path / "script.json").write_text(json.dumps(["a" * 40 + "!"]))
    (evals.folder / "c" / "evals.yaml").write_text("tasks: [{name: one, prompt: go, checks: [{answer: '(a+)+$'}]}]\n")
    words = ["eval", str(tmp_path / "c"), "--time-limit", "1", "--scripted", str(tmp_path / "script.json")]
    subprocess.run([sys.executable, "-P", "-m", "kt_cli.main", *words], capture_output=True, timeout=8, check=False)
