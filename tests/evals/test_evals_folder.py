"""The folder of a task, which a stranger may have made: nothing in it is obeyed, or written through."""

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from kt import Plugins
from kt.errors import DataError
from kt_evals.document import load
from kt_evals.folder import lay_out
from kt_evals.snapshot import MAX_SIZE, snapshot
from kt_evals.tasks import Task

from .conftest import Bench


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "c" / "tree"
    folder.mkdir(parents=True)
    (folder / "a.txt").write_text("a")
    return folder


def task(source: Path, **options: Any) -> Task:
    return Task(name="one", prompt="Go.", judges=[], source=source, **options)


def place(tmp_path: Path) -> Path:
    (tmp_path / "run").mkdir()
    return tmp_path / "run"


def canary(tmp_path: Path) -> str:
    return f'[core]\n\tfsmonitor = "touch {tmp_path}/ran; false"\n[filter "x"]\n\tclean = "touch {tmp_path}/ran; cat"\n'


@pytest.mark.parametrize("name", [".git", ".GIT", "sub/.git", "sub/.Git"])
def test_what_belongs_to_git_stays_behind(source: Path, tmp_path: Path, name: str) -> None:
    (source / name).mkdir(parents=True)
    (source / name / "config").write_text(canary(tmp_path))
    (source / ".gitattributes").write_text("* filter=x\n")
    folder = lay_out(task(source, committed={"b.txt": "b"}), place(tmp_path))
    assert not (tmp_path / "ran").exists()
    found = [path.relative_to(folder).as_posix() for path in folder.rglob("*")]
    assert [path for path in found if path.casefold().endswith(".git")] == [".git"]
    shown = subprocess.run(["git", "ls-files"], cwd=folder, capture_output=True, text=True, check=True).stdout
    assert shown.split() == [".gitattributes", "a.txt", "b.txt"]


def test_a_file_that_names_another_repository_stays_behind(source: Path, tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path / "other")], check=True)
    with (tmp_path / "other/.git/config").open("a") as file:
        file.write(canary(tmp_path))
    (source / ".git").write_text(f"gitdir: {tmp_path}/other/.git\n")
    folder = lay_out(task(source, committed={"b.txt": "b"}), place(tmp_path))
    assert (folder / ".git").is_dir()
    assert not (tmp_path / "ran").exists()
    assert not list((tmp_path / "other/.git/objects").rglob("??/*"))


def test_a_folder_that_looks_like_a_repository_is_one_of_files(source: Path, tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", "--bare", str(source)], check=True)
    with (source / "config").open("a") as file:
        file.write(canary(tmp_path))
    folder = lay_out(task(source, committed={"b.txt": "b"}), place(tmp_path))
    assert not (tmp_path / "ran").exists()
    assert (folder / ".git/refs/heads/main").is_file()


def test_the_environment_names_no_settings_of_git(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine").write_text(canary(tmp_path))
    for name, value in {
        "GIT_CONFIG_GLOBAL": str(tmp_path / "mine"), "GIT_CONFIG_SYSTEM": str(tmp_path / "mine"),
        "GIT_DIR": str(tmp_path / "elsewhere"), "GIT_INDEX_FILE": str(tmp_path / "index"),
        "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "core.fsmonitor",
        "GIT_CONFIG_VALUE_0": f"touch {tmp_path}/ran; false",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    (tmp_path / "git").mkdir()
    (tmp_path / "git" / "ignore").write_text("b.txt\n")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    folder = lay_out(task(source, committed={"b.txt": "b"}), place(tmp_path))
    assert (folder / ".git/refs/heads/main").is_file()
    assert b"b.txt" in (folder / ".git/index").read_bytes()
    assert [name for name in ("ran", "elsewhere", "index") if (tmp_path / name).exists()] == []


LINKS = {
    "absolute": "/etc",
    "up": "../..",
    "above and back": "../tree/a.txt",
    "through another": "deep/up/../../x",
}


@pytest.mark.parametrize("to", LINKS.values(), ids=LINKS)
def test_a_link_that_leaves_the_folder_is_an_error_at_its_place(bench: Bench, source: Path, to: str) -> None:
    (source / "deep").mkdir()
    (source / "deep" / "up").symlink_to("..")
    (source / "out").symlink_to(to)
    file = bench.evals("tasks:\n- name: one\n  prompt: Go.\n  folder: tree\n  checks: [{answer: a}]\n")
    with pytest.raises(DataError, match="the link 'out' leads out of the folder") as caught:
        load(file, Plugins().registry)
    assert caught.value.where == f"{file}:4:3"
    with pytest.raises(DataError, match="leads out"):
        lay_out(task(source), place(bench.folder))


def test_a_pipe_is_an_error_and_is_not_read(bench: Bench, source: Path) -> None:
    os.mkfifo(source / "pipe")
    file = bench.evals("tasks:\n- name: one\n  prompt: Go.\n  folder: tree\n  checks: [{answer: a}]\n")
    with pytest.raises(DataError, match="'pipe' is neither a file nor a folder"):
        load(file, Plugins().registry)


def test_links_within_the_folder_are_copied_and_hard_links_are_files(source: Path, tmp_path: Path) -> None:
    (tmp_path / "private").write_text("mine")
    os.link(tmp_path / "private", source / "hard")
    (source / "soft").symlink_to("a.txt")
    folder = lay_out(task(source, files={"hard": "new", "soft": "new"}), place(tmp_path))
    assert (tmp_path / "private").read_text() == "mine"
    assert (source / "a.txt").read_text() == "a"
    assert ((folder / "a.txt").read_text(), (folder / "soft").readlink()) == ("new", Path("a.txt"))


@pytest.mark.parametrize("key", ["committed", "files"])
@pytest.mark.parametrize("to", [".git", ".GIT/hooks"])
def test_nothing_is_written_into_the_repository_through_a_link(source: Path, tmp_path: Path, key: str, to: str) -> None:
    (source / "link").symlink_to(to)
    files = {key: {"link/config": canary(tmp_path)}}
    with pytest.raises(DataError, match="leads out") as caught:
        lay_out(task(source, **{"committed": {"b.txt": "b"}, **files}), place(tmp_path))
    assert caught.value.where == f"one: {key}"
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("name", ["a.txt/b", "loop", "x" * 300])
def test_a_file_that_can_not_be_there_is_an_error_of_ours(source: Path, tmp_path: Path, name: str) -> None:
    (source / "loop").symlink_to("loop")
    with pytest.raises(DataError, match="can't be written"):
        lay_out(task(source, files={name: "x"}), place(tmp_path))


@pytest.mark.parametrize("path", [".git/config", "sub/.GIT/config", ".Git"])
def test_a_path_of_git_is_refused_in_any_case(bench: Bench, path: str) -> None:
    file = bench.evals(f"tasks: [{{name: one, prompt: Go., files: {{{path}: x}}, checks: [{{answer: a}}]}}]\n")
    with pytest.raises(DataError, match="is no file of a task's folder"):
        load(file, Plugins().registry)


def test_a_check_follows_no_link_out_of_the_folder(bench: Bench) -> None:
    (bench.folder / "outside").mkdir()
    (bench.folder / "outside" / "s.txt").write_text("swordfish")
    link = [("bash", {"command": f"ln -s {bench.folder}/outside out; mkfifo pipe"})]
    for check, why in [
        ("{file: out/s.txt, contains: sword}", "out/s.txt is no readable file of the folder"),
        ("{file: out/gone.txt, absent: true}", "out/gone.txt leads out of the folder"),
        ("{file: pipe}", "pipe is no readable file of the folder"),
        ("{unchanged: out}", "changed: out"),
        ("{unchanged: out/s.txt}", ""),
    ]:
        (verdict,) = bench.judged(f"[{check}]", link, "Done.")["checks"]
        assert (check, verdict["why"]) == (check, why)


def test_a_file_that_is_too_large_to_be_compared_is_told(tmp_path: Path) -> None:
    with (tmp_path / "a.txt").open("wb") as file:
        file.truncate(MAX_SIZE + 1)
    with pytest.raises(DataError, match=r"'a\.txt' is too large to be compared"):
        snapshot(tmp_path)
