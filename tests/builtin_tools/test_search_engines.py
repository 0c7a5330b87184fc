"""What glob and grep have in common: odd names, and how the engines are chosen and held."""

import asyncio
import os
import shutil
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from kt import ToolRecord
from kt.testing import running
from kt_builtin_tools import _ripgrep, search

pytestmark = pytest.mark.anyio
OPEN = {"sandbox": {"backend": "none", "require": "none"}}
Play = Callable[..., Awaitable[list[ToolRecord]]]
Plant = Callable[[dict[str, str]], None]


def glob(pattern: str, **more: Any) -> tuple[str, dict[str, Any]]:
    return "glob", {"pattern": pattern, **more}


def grep(pattern: str, **more: Any) -> tuple[str, dict[str, Any]]:
    return "grep", {"pattern": pattern, **more}


def test_both_engines_are_here_to_be_compared(engine: str) -> None:
    assert (shutil.which("rg") is None) == (engine == "python")


NAMES = ["new\nline", "-e", "--pre=sh", " space ", "ünï✓", "'\"", "*?[", "b\\s"]


@pytest.mark.parametrize("name", [f"{name}.txt" for name in NAMES])
async def test_odd_names_are_found_in_full(play: Play, tmp_path: Path, engine: str, name: str) -> None:
    (tmp_path / "-dir").mkdir()
    (tmp_path / "-dir" / name).write_text("x")
    names, all_, one, inner = await play(
        glob("*.txt"), grep("x"), grep("x", path=f"-dir/{name}"), glob("*.txt", path="-dir")
    )
    shown = f"-dir/{name}" if "\n" not in name else '"-dir/new\\nline.txt"'
    assert names.result == inner.result == shown
    assert all_.result == one.result == f"{shown}\n1:x"


async def test_names_that_are_no_utf8_are_written_as_json(play: Play, tmp_path: Path, engine: str) -> None:
    (tmp_path / "bad\udcff.txt").write_bytes(b"x\xff\n")
    names, lines = await play(glob("*.txt"), grep("x"))
    assert names.result == '"bad\\udcff.txt"'
    assert lines.result == '"bad\\udcff.txt"\n1:x\ufffd'


async def test_an_rg_in_the_working_folder_is_not_run(
    play: Play, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/rg").write_text("#!/bin/sh\ntouch ran\n")
    (tmp_path / "bin/rg").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:/usr/bin:/bin")
    await play(grep("x"), glob("*"))
    assert not (tmp_path / "ran").exists()


async def test_an_rg_that_fails_is_replaced_by_python(
    play: Play, plant: Plant, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path_factory.mktemp("bin")
    (folder / "rg").write_text("#!/bin/sh\necho 'unknown flag' >&2; exit 2\n")
    (folder / "rg").chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    plant({"a": "x"})
    names, lines = await play(glob("*"), grep("x"))
    assert (names.result, lines.result) == ("a", "a\n1:x")


async def test_a_configuration_of_rg_does_not_count(
    play: Play, plant: Plant, tmp_path: Path, engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant({"a": "x", "config": "--pre=false\n--glob=!a\n"})
    monkeypatch.setenv("RIPGREP_CONFIG_PATH", str(tmp_path / "config"))
    (done,) = await play(grep("^x"))
    assert done.result == "a\n1:x"


async def test_a_pattern_that_never_ends_is_stopped(play: Play, plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(search, "TIME", 0.5)
    plant({"a": "a" * 60 + "b"})
    (done,) = await play(grep("^(a+)+$"))
    assert done.error == "the search took longer than 0.5 s (simplify the pattern, or narrow path)"


async def test_a_search_for_names_that_takes_too_long_is_stopped(
    play: Play, engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "TIME", 0)
    (done,) = await play(glob("*"))
    assert done.error == "the search took longer than 0 s (search a smaller folder)"


async def test_much_text_is_searched_in_several_processes(play: Play, tmp_path: Path, engine: str) -> None:
    for name in "abc":
        (tmp_path / name).write_text("y" * 5_000_000 + f"\n{name}x\n")
    every, first = await play(grep("^.x"), grep("^.x", limit=1))
    assert every.result == "a\n2:ax\nb\n2:bx\nc\n2:cx"
    assert first.result == "a\n2:ax\n[only the first 1 matches; narrow the search]"


async def test_a_search_process_that_fails_is_told(
    play: Play, plant: Plant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    plant({"a": "x", "python": "#!/bin/sh\nexit 1\n"})
    (tmp_path / "python").chmod(0o755)
    (done,) = await play(grep("x"))
    assert done.error == "the search failed: its process ended with code 1"


async def test_a_search_ends_with_its_turn(
    plant: Plant, tmp_path: Path, watch: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant({"a": "a" * 60 + "b", "python": f'#!/bin/sh\necho $$ > pid\nexec {sys.executable} "$@"\n'})
    (tmp_path / "python").chmod(0o755)
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    async with running([[grep("^(a+)+$")]], tools=["grep"], pwd=tmp_path, plugins=[OPEN]) as agent:
        turn = asyncio.create_task(agent.run("go"))
        pid = await watch.born()
        agent.interrupt()
        result = await turn
    assert result.status == "cancelled"
    assert await watch.ended(pid)


async def test_a_file_too_large_to_search_is_named_or_passed_over(play: Play, tmp_path: Path, engine: str) -> None:
    with (tmp_path / "huge").open("wb") as file:
        file.write(b"x\n")
        file.truncate(60 * 2**20)
    named, whole = await play(grep("x", path="huge"), grep("x"))
    assert named.error == "'huge' is too large (search it with bash)"
    assert whole.result == "no line matches 'x'"


async def test_a_file_or_folder_that_may_not_be_read_is_passed_over(
    plain_user: Path, engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = shutil.which("python3", path=os.defpath)
    if python is None:
        pytest.skip("this needs a Python that every user may run")
    monkeypatch.setattr(sys, "executable", python)
    for name, mode in {"a": 0o000, "b": 0o644}.items():
        (plain_user / name).write_text("x")
        (plain_user / name).chmod(mode)
    (plain_user / "closed").mkdir(mode=0o000)
    steps = [[grep("x")], [glob("*")], "done"]
    async with running(steps, tools=["grep", "glob"], pwd=plain_user, plugins=[OPEN]) as agent:
        result = await agent.run("go")
    (plain_user / "closed").chmod(0o755)
    assert [call.result for call in result.tool_calls] == ["b\n1:x", "a\nb"]


def test_ripgrep_is_asked_not_to_read_what_python_does_not() -> None:
    assert {"--no-config", "--hidden", "--no-ignore-global", "--no-ignore-parent"} <= set(_ripgrep.RG)
