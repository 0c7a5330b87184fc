"""The process backend: one group a call, ended with it; output in order and bounded."""

import asyncio
import gc
import os
import sys
import tracemalloc
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from kt import Exec
from kt.errors import DataError, KTError, NotFound, Vetoed
from kt.testing import running
from kt_sandbox.launch import Launch
from kt_sandbox.probe import missing
from kt_sandbox.processes import Processes

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["none", "landlock", "bubblewrap"])
async def run(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Exec]:
    backend = request.param
    if backend != "none" and (why := missing()[backend]):
        pytest.skip(f"{backend}: {why}")
    if backend == "bubblewrap" and "watch" in request.fixturenames:
        pytest.skip("process numbers inside are not those outside; tests/escape looks from outside")
    settings = {"sandbox": {"backend": backend, "require": "none"}}
    async with running(plugins=[settings], pwd=tmp_path, sandbox="default") as agent:
        yield agent.sandbox.exec


def descriptors() -> list[str]:
    return sorted(file.name for file in Path("/proc/self/fd").iterdir())


async def test_a_command_is_a_shells_and_a_sequence_a_program(run: Exec) -> None:
    result = await run.run("echo $((1 + 1)) && echo two >&2; exit 3")
    assert (result.code, result.output, result.timed_out, result.spill, result.size) == (3, "2\ntwo\n", False, None, 6)
    result = await run.run(["echo", "$((1 + 1)) && x", "-n"])
    assert result.output == "$((1 + 1)) && x -n\n"


async def test_both_streams_come_in_order(run: Exec) -> None:
    result = await run.run("for i in 1 2 3; do echo out$i; echo err$i >&2; done")
    assert result.output.split() == ["out1", "err1", "out2", "err2", "out3", "err3"]


async def test_sh_runs_the_command_where_there_is_no_bash(run: Exec, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    result = await run.run("echo ${BASH_VERSION-none}")
    assert result.output == "none\n"


async def test_a_signal_is_a_negative_code(run: Exec) -> None:
    assert (await run.run("kill -9 $$")).code == -9


async def test_the_working_folder_holds_the_process(run: Exec, tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "out").symlink_to("..")
    assert (await run.run("pwd")).output == f"{tmp_path}\n"
    assert (await run.run("pwd", cwd=Path("sub"))).output == f"{tmp_path}/sub\n"
    assert (await run.run("pwd", cwd=tmp_path / "sub")).output == f"{tmp_path}/sub\n"
    for outside in ("..", "/", "out"):
        with pytest.raises(Vetoed):
            await run.run("pwd", cwd=Path(outside))
    with pytest.raises(NotFound):
        await run.run("pwd", cwd=Path("none"))


async def test_variables_are_added_to_the_environment(
    run: Exec, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KT_OLD", "old")
    result = await run.run("echo $KT_OLD $KT_NEW", env={"KT_NEW": "new"})
    held = "none" not in request.node.name
    assert result.output == ("new\n" if held else "old new\n")


async def test_input_is_given_whole_or_not_at_all(run: Exec) -> None:
    assert (await run.run("cat")).output == ""
    assert (await run.run(["wc", "-c"], stdin=b"x" * 1_000_000)).output.strip() == "1000000"
    assert (await run.run(["true"], stdin=b"x" * 1_000_000)).code == 0


@pytest.mark.parametrize(
    ("command", "error"),
    [
        (["no-such-program"], NotFound),
        (["/etc/passwd"], KTError),
        (["a\0b"], DataError),
        ("echo " + "x" * 200_000, KTError),
    ],
)
async def test_what_cannot_start_is_an_error(run: Exec, command: str | list[str], error: type[KTError]) -> None:
    before = descriptors()
    with pytest.raises(error):
        await run.run(command)
    assert descriptors() == before


TREE = "(echo $BASHPID > pid; exec sleep 100) & wait"
STUBBORN = """
trap '' TERM
(echo $BASHPID > pid; while :; do sleep 100; done) &
while :; do sleep 100; done
"""


@pytest.mark.parametrize("command", [TREE, STUBBORN])
async def test_a_timeout_ends_the_whole_tree(run: Exec, watch: Any, command: str) -> None:
    result = await run.run(command, timeout=0.5)
    assert result.timed_out
    assert result.code < 0
    assert await watch.ended(await watch.born())


@pytest.mark.parametrize("command", [TREE, STUBBORN])
async def test_a_cancellation_ends_the_whole_tree(run: Exec, watch: Any, command: str) -> None:
    task = asyncio.create_task(run.run(command))
    pid = await watch.born()
    assert watch.lives(pid)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
    assert await watch.ended(pid)


async def test_a_second_cancellation_does_not_hurry_the_end(run: Exec, watch: Any) -> None:
    task = asyncio.create_task(run.run(STUBBORN))
    pid = await watch.born()
    for _ in range(3):
        task.cancel()
        await asyncio.sleep(0)
    await asyncio.wait([task])
    assert task.cancelled()
    assert await watch.ended(pid)


async def test_a_process_cancelled_while_it_starts_is_ended(run: Exec, tmp_path: Path) -> None:
    before = descriptors()
    task = asyncio.create_task(run.run("sleep 100"))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
    assert descriptors() == before
    assert not children()


def children() -> list[str]:
    """Return the processes that this one started and has not collected."""
    return Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()


@pytest.mark.parametrize("rest", ["", " > /dev/null 2>&1"])
async def test_what_a_command_leaves_running_ends_with_it(run: Exec, watch: Any, rest: str) -> None:
    result = await run.run(f"sleep 100{rest} & echo $! > pid; echo done")
    assert (result.code, result.output) == (0, "done\n")
    assert await watch.ended(await watch.born())


@pytest.mark.parametrize("run", ["none"], indirect=True)
async def test_a_process_that_left_the_group_and_holds_the_pipe_does_not_hold_the_call(
    run: Exec, tmp_path: Path, watch: Any
) -> None:
    os.mkfifo(tmp_path / "hold")
    hold = os.open(tmp_path / "hold", os.O_RDWR)
    code = "import os, sys; os.setsid(); print(os.getpid(), file=open('pid', 'w')); open('left', 'w'); sys.stdin.read()"
    result = await run.run(f'{sys.executable} -c "{code}" < hold & while [ ! -e left ]; do :; done; echo done')
    assert (result.code, result.output) == (0, "done\n")
    pid = await watch.born()
    assert watch.lives(pid)
    os.close(hold)
    assert await watch.ended(pid)


async def test_huge_output_is_bounded_and_whole_in_the_spill_file(run: Exec) -> None:
    tracemalloc.start()
    result = await run.run("echo first; yes | head -c 50000000; echo last", max_output=1000)
    assert tracemalloc.get_traced_memory()[1] < 2_000_000
    tracemalloc.stop()
    assert result.size == 50_000_011
    assert len(result.output) < 1100
    assert result.output.startswith("first\ny\n")
    assert result.output.endswith("y\nlast\n")
    assert "50,000,011 bytes" in result.output
    assert result.spill is not None
    assert result.spill.stat().st_size == result.size
    assert result.spill.parent.stat().st_mode & 0o077 == 0
    with result.spill.open("rb") as file:
        assert file.read(8) == b"first\ny\n"


@pytest.mark.parametrize("size", [99, 100, 101, 399, 400, 401, 5000])
async def test_output_is_cut_beyond_the_limit_of_characters_and_only_there(run: Exec, size: int) -> None:
    result = await run.run([sys.executable, "-c", f"print('é' * {size}, end='')"], max_output=100)
    assert (result.spill is None) == (size <= 100)
    assert result.output.count("é") == min(size, 100)
    assert "\ufffd" not in result.output
    if result.spill is not None:
        assert result.spill.read_bytes().decode() == "é" * size


async def test_output_that_is_no_utf8_is_replaced(run: Exec) -> None:
    assert (await run.run(["printf", r"a\xffb"])).output == "a\ufffdb"


async def test_all_output_goes_to_the_listener_in_whole_characters(run: Exec) -> None:
    heard: list[str] = []
    result = await run.run([sys.executable, "-c", "print('€' * 100000)"], max_output=0, on_output=heard.append)
    assert "".join(heard) == "€" * 100_000 + "\n"
    assert (result.output, result.spill, result.size) == ("", None, 300_001)


async def test_a_listener_that_raises_ends_the_call_with_its_error(run: Exec) -> None:
    def listen(text: str) -> None:
        raise RuntimeError(text)

    with pytest.raises(RuntimeError, match="hello"):
        await run.run("echo hello", on_output=listen)


async def test_the_spill_files_go_away_with_the_backend(tmp_path: Path) -> None:
    backend = Processes()
    launch = Launch(["echo", "hello"], {"PATH": os.defpath})
    result = await backend.run(launch, tmp_path, name="echo", max_output=2)
    assert result.spill is not None
    assert result.spill.exists()
    del backend
    gc.collect()
    assert not result.spill.parent.exists()


async def test_the_spill_file_of_a_cancelled_call_is_removed(run: Exec) -> None:
    spilled = asyncio.Event()
    first = await run.run("echo hello", max_output=2)
    assert first.spill is not None
    task = asyncio.create_task(run.run("yes", max_output=10, on_output=lambda text: spilled.set()))
    await spilled.wait()
    task.cancel()
    await asyncio.wait([task])
    assert list(first.spill.parent.iterdir()) == [first.spill]


async def test_no_descriptor_and_no_task_is_left(run: Exec) -> None:
    before, tasks = descriptors(), asyncio.all_tasks()
    for _ in range(3):
        await run.run("sleep 100 & echo x", stdin=b"x", max_output=1)
        await run.run("sleep 100", timeout=0.01)
    assert descriptors() == before
    assert asyncio.all_tasks() == tasks


async def test_a_folder_or_program_that_is_not_there_is_named(tmp_path: Path) -> None:
    gone = Launch(["true"], {"PATH": os.environ["PATH"]})
    with pytest.raises(NotFound, match=r"no working folder '.*gone'"):
        await Processes().run(gone, tmp_path / "gone", name="true")
    with pytest.raises(NotFound, match="no program 'frogs'"):
        await Processes().run(Launch(["frogs"], {"PATH": os.environ["PATH"]}), tmp_path, name="frogs")
