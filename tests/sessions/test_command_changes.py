"""kt sessions rm, fork, rewind, check and repair: files change only as they say."""

import asyncio
import os
import pty
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from kt import Plugins, SessionReader
from kt.errors import ConfigError, DataError, NotFound, UsageError
from kt.events import Logged
from kt.testing import running
from kt_sessions.command import sessions
from kt_sessions.errors import CannotCreate, SessionLocked
from kt_sessions.lock import head_file

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KT_HOME", str(tmp_path / "home"))
    return tmp_path / "home" / "sessions"


@pytest.fixture
def plugins() -> Plugins:
    return Plugins()


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], folder: Path, plugins: Plugins) -> Run:
    """Return what runs `kt sessions` and returns its code and what it prints."""

    def run(*words: object) -> tuple[int, str, str]:
        capsys.readouterr()
        code = sessions([str(word) for word in words], plugins)
        return code, *capsys.readouterr()

    return run


def keep(path: Path, *says: str, **options: Any) -> Path:
    """Keep a session of turns, each answered with what was said."""

    async def talk() -> None:
        async with running([f"re: {text}" for text in says], session=path, **options) as agent:
            for text in says:
                await agent.run(text)

    asyncio.run(talk())
    return path


def said(path: Path) -> list[str]:
    with SessionReader(path) as reader:
        return [turn.user_text for turn in reader.turns()]


# rm


def test_a_session_goes_with_everything_beside_it(run: Run, folder: Path) -> None:
    path, other = keep(folder / "a.ktlog", "x"), keep(folder / "a.b.ktlog", "y")
    for end in ("-search", "-search-wal", "-wal", "-shm", ".v1"):
        path.with_name(path.name + end).touch()
    assert run("rm", "--yes", path)[0] == 0
    assert sorted(folder.iterdir()) == [other]


def test_nothing_is_removed_without_a_yes(run: Run, folder: Path) -> None:
    path = keep(folder / "a.ktlog", "x")
    with pytest.raises(UsageError) as raised:
        run("rm", "a")
    assert "--yes" in raised.value.hint
    assert list(folder.iterdir()) == [path]


@pytest.mark.parametrize(("typed", "code", "left"), [("y\n", 0, 0), ("\n", 1, 1), ("nope\n", 1, 1)])
def test_a_terminal_is_asked(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch, typed: str, code: int, left: int
) -> None:
    keep(folder / "a.ktlog", "x")
    main, other = pty.openpty()
    os.write(main, typed.encode())
    with os.fdopen(other) as terminal:
        monkeypatch.setattr(sys, "stdin", terminal)
        done, _, err = run("rm", "a")
    os.close(main)
    assert (done, len(list(folder.iterdir()))) == (code, left)
    assert "remove a? [y/N]" in err


def test_a_session_that_is_written_stays_and_so_do_the_others(run: Run, folder: Path) -> None:
    other = keep(folder / "b.ktlog", "x")

    async def talk() -> None:
        async with running(["x"], session=folder / "a.ktlog") as agent:
            with pytest.raises(SessionLocked) as raised:
                run("rm", "--yes", "b", "a")
            assert raised.value.exit_code == 75
            await agent.run("go on")

    asyncio.run(talk())
    assert other.exists()
    assert said(folder / "a.ktlog") == ["go on"]


def test_what_a_crash_left_stays_with_a_session_that_stays(run: Run, folder: Path, monkeypatch: Any) -> None:
    path = keep(folder / "a.ktlog", "x")
    head_file(path).write_bytes(b"99 00 1".ljust(128))
    with pytest.raises(UsageError):
        run("rm", "a")
    assert head_file(path).exists()
    assert run("rm", "a", "-y")[0] == 0
    assert list(folder.iterdir()) == []


def test_only_sessions_are_removed(run: Run, folder: Path, tmp_path: Path) -> None:
    keep(folder / "a.ktlog", "x")
    mine = tmp_path / "thesis.txt"
    mine.write_text("years of work")
    with pytest.raises(DataError, match="no session"):
        run("rm", "--yes", "a", mine)
    with pytest.raises(NotFound):
        run("rm", "--yes", "a", "b")
    assert mine.exists()
    assert (folder / "a.ktlog").exists()


def test_a_damaged_session_can_be_removed(run: Run, folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "bad.ktlog").write_bytes(b"nothing good")
    assert run("rm", "--yes", "bad")[0] == 0
    assert list(folder.iterdir()) == []


# fork


def test_a_fork_gets_a_new_name_in_the_same_folder(run: Run, folder: Path) -> None:
    source = keep(folder / "a.ktlog", "one", "two", creature={"name": "owl"})
    code, out, err = run("fork", "a")
    name = out.strip()
    assert (code, "-owl-" in name, "events copied" in err) == (0, True, True)
    assert said(folder / f"{name}.ktlog") == said(source) == ["one", "two"]


def test_a_fork_ends_with_a_turn(run: Run, folder: Path, tmp_path: Path) -> None:
    keep(folder / "a.ktlog", "one", "two", "three")
    target = tmp_path / "f.ktlog"
    assert run("fork", "a", "--at", "2", "--to", target)[:2] == (0, f"{target}\n")
    assert said(target) == ["one", "two"]
    with pytest.raises(CannotCreate):
        run("fork", "a", "--to", target)
    with pytest.raises(NotFound, match="no turn 9"):
        run("fork", "a", "--at", "9")


# rewind


def test_a_conversation_goes_back(run: Run, folder: Path) -> None:
    path = keep(folder / "a.ktlog", "one", "two", "three")
    planned = run("rewind", "a", "1", "--dry-run")[1]
    assert planned.startswith("a would go back to the end of turn 1; ")
    assert said(path) == ["one", "two", "three"]
    code, out, _ = run("rewind", "a", "1")
    assert (code, out) == (0, planned.replace("would go", "went"))
    assert said(path) == ["one"]


def test_a_turn_that_is_not_there_changes_nothing(run: Run, folder: Path) -> None:
    path = keep(folder / "a.ktlog", "one")
    before = path.read_bytes()
    with pytest.raises(NotFound, match="no turn 5"):
        run("rewind", "a", "5")
    with pytest.raises(UsageError):
        run("rewind", "a", "-1")
    assert path.read_bytes() == before


def test_files_need_something_that_brings_them_back(run: Run, folder: Path, plugins: Plugins) -> None:
    keep(folder / "a.ktlog", "one", "two")
    plugins.registry.drop("kt-checkpoints")
    with pytest.raises(ConfigError, match="kt-checkpoints"):
        run("rewind", "a", "1", "--files")
    with pytest.raises(UsageError, match="--files"):
        run("rewind", "a", "1", "--force")
    assert said(folder / "a.ktlog") == ["one", "two"]


@dataclass(slots=True)
class FilesBack(Logged):
    """How files are, after they were brought back."""

    paths: list[str]


@dataclass
class Back:
    """What became of files."""

    restored: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    conflicts: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)

    @property
    def event(self) -> FilesBack:
        return FilesBack(self.restored)


class Files:
    """Brings files back: one that it has, one that somebody changed; `calls` is what it was asked."""

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []

    def __call__(self, reader: SessionReader, **asked: Any) -> Back:
        self.calls.append({"turns": len(list(reader.turns())), **asked})
        back = Back(restored=["a.py\x1b"], removed=["new.py"])
        (back.restored if asked["force"] else back.conflicts).append("mine.py")
        return back


@pytest.fixture
def files(plugins: Plugins) -> Files:
    plugins.registry.drop("kt-checkpoints")
    files = Files()
    plugins.registry.add("loader", "restore_files", files)
    return files


def test_files_are_told_one_by_one(run: Run, folder: Path, files: Files, tmp_path: Path) -> None:
    keep(folder / "a.ktlog", "one", "two", pwd=tmp_path)
    code, out, _ = run("rewind", "a", "1", "--files")
    assert code == 1
    assert out.splitlines()[1:] == [
        "  a.py\\x1b  restored",
        "  new.py  removed",
        "  mine.py  left, somebody else changed it since (--force overwrites it)",
    ]
    asked = {"after_turn": 1, "pwd": tmp_path, "stream": 1, "force": False}
    assert files.calls == [{"turns": 2, **asked, "dry_run": True}, {"turns": 1, **asked, "dry_run": False}]
    with SessionReader(folder / "a.ktlog") as reader:
        (noted,) = reader.events(kinds=["files_back"])
        assert (noted.id, noted.body) == (reader.last, {"paths": ["a.py\x1b"]})


def test_a_dry_run_and_force_are_passed_on(run: Run, folder: Path, files: Files, tmp_path: Path) -> None:
    keep(folder / "a.ktlog", "one", "two")
    code, out, _ = run("rewind", "a", "0", "--files", "--dry-run", "--force", "--cwd", tmp_path)
    assert (code, out.splitlines()[1:]) == (
        0,
        ["  a.py\\x1b  would be restored", "  mine.py  would be restored", "  new.py  would be removed"],
    )
    assert [(call["dry_run"], call["force"], call["pwd"]) for call in files.calls] == [(True, True, tmp_path)]
    assert said(folder / "a.ktlog") == ["one", "two"]
    with pytest.raises(NotFound, match="folder"):
        run("rewind", "a", "1", "--files", "--cwd", tmp_path / "gone")
    assert said(folder / "a.ktlog") == ["one", "two"]


# check and repair


def test_a_good_session_has_no_problem(run: Run, folder: Path) -> None:
    path = keep(folder / "a.ktlog", "one")
    with SessionReader(path) as reader:
        assert run("check", "a") == (0, f"{reader.last} events, no problem\n", "")


def test_a_damaged_session_is_told_and_what_is_good_of_it_saved(run: Run, folder: Path) -> None:
    path = keep(folder / "a.ktlog", "one", "two", "three")
    path.write_bytes(path.read_bytes().replace(b"three", b"throw"))
    code, out, _ = run("check", "a")
    assert code == 65
    assert "not what was written" in out
    code, out, err = run("repair", "a")
    assert (code, out) == (0, "a-repaired\n")
    assert "; lost: event " in err
    assert said(folder / "a-repaired.ktlog")[:2] == ["one", "two"]
    assert run("check", "a-repaired")[0] == 0
    with pytest.raises(CannotCreate):
        run("repair", "a")


def test_what_is_not_damaged_is_copied_whole(run: Run, folder: Path, tmp_path: Path) -> None:
    keep(folder / "a.ktlog", "one")
    code, out, err = run("repair", "a", "--to", tmp_path / "b.ktlog")
    assert (code, out) == (0, f"{tmp_path / 'b.ktlog'}\n")
    assert "nothing lost" in err
    assert said(tmp_path / "b.ktlog") == ["one"]
