"""The law of checkpoints: whatever tools did over several turns, restoring turn k gives the tree at its end."""

import asyncio
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kt import Context, ToolNeeds, tool
from kt.errors import KTError

PATHS = ["a", "b", "d", "d/x", "d/y", "d/e/z"]
MODES = [0o600, 0o644, 0o755]
Change = tuple[str, str, Any]


def change(folder: Path, what: str, path: str, value: Any) -> None:
    """Change one file. Raises OSError where that does not go."""
    file = folder / path
    if what == "write":
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(value)
    elif what == "chmod":
        file.chmod(value)
    elif what == "remove":
        file.unlink()
    elif what == "move":
        (folder / value).parent.mkdir(parents=True, exist_ok=True)
        file.rename(folder / value)
    else:
        for inner in sorted(file.rglob("*"), reverse=True):
            inner.rmdir() if inner.is_dir() else inner.unlink()
        file.rmdir()


def attempt(folder: Path, changes: list[Change]) -> str:
    done = 0
    for what, path, value in changes:
        try:
            change(folder, what, path, bytes.fromhex(value) if what == "write" else value)
            done += 1
        except OSError:
            continue
    return f"{done} done"


@tool(parallel=False, needs=ToolNeeds(writes=("@path",)))
def one(ctx: Context[object], path: str, what: str, value: str | int) -> str:
    """Change one file."""
    try:
        change(ctx.pwd, what, path, bytes.fromhex(str(value)) if what == "write" else value)
    except OSError as error:
        raise KTError(str(error)) from error
    return "done"


@tool(parallel=False, blocking=True, needs=ToolNeeds(writes=("$WS",)))
def program(ctx: Context[object], changes: list[list[Any]]) -> str:
    """Change anything."""
    return attempt(ctx.pwd, [(what, path, value) for what, path, value in changes])


contents = st.binary(max_size=3).map(bytes.hex)
exact = st.one_of(
    st.tuples(st.just("write"), st.sampled_from(PATHS), contents),
    st.tuples(st.just("chmod"), st.sampled_from(PATHS), st.sampled_from(MODES)),
    st.tuples(st.just("remove"), st.sampled_from(PATHS), st.just(0)),
)
anything = st.one_of(
    exact,
    st.tuples(st.just("move"), st.sampled_from(PATHS), st.sampled_from(PATHS)),
    st.tuples(st.just("clear"), st.sampled_from(["d", "d/e"]), st.just(0)),
)


def calls_of_one(changes: list[Change]) -> list[Any]:
    return [("one", {"path": path, "what": what, "value": value}) for what, path, value in changes]


def check(make_work: Callable[[Path], Any], turns: list[list[Any]], keep: str, *, folders: bool) -> None:
    """Play the turns; then restore the end of each, the last first, and compare."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for path in "a", "d/x":
            change(folder, "write", path, b"old")
        work = make_work(folder)
        work.settings = {"keep": keep}
        trees = [work.tree()]

        async def play() -> None:
            take = [lambda: trees.append(work.tree())]
            await work.turns(*(steps if not n else take + steps for n, steps in enumerate(turns)), tools=[one, program])

        asyncio.run(play())
        trees.append(work.tree())
        for turn in reversed(range(len(trees) - 1)):
            done = work.restore(turn)
            assert [*done.conflicts, *done.unknown, *done.failed] == []
            found, wanted = work.tree(), trees[turn]
            if not folders:
                found, wanted = files(found), files(wanted)
            assert found == wanted
            work.log.append(told(done.left))


def files(tree: dict[str, Any]) -> dict[str, Any]:
    return {path: file for path, file in tree.items() if file is not None}


def told(left: dict[str, str]) -> Any:
    from kt_checkpoints.events import FilesChanged

    return FilesChanged("", left)


@given(st.lists(st.lists(exact, min_size=1, max_size=4), min_size=1, max_size=4))
@settings(max_examples=60, deadline=None)
def test_calls_that_name_their_files_can_be_taken_back(turns: list[list[Change]]) -> None:
    from .conftest import Work

    check(Work, [calls_of_one(changes) for changes in turns], "writes", folders=True)


@given(st.lists(st.lists(st.lists(anything, min_size=1, max_size=4), min_size=1, max_size=2), min_size=1, max_size=4))
@settings(max_examples=60, deadline=None)
def test_what_programs_do_in_a_kept_workspace_can_be_taken_back(turns: list[list[list[Change]]]) -> None:
    from .conftest import Work

    played = [[("program", {"changes": changes}) for changes in calls] for calls in turns]
    check(Work, played, "workspace", folders=False)


@pytest.mark.parametrize("keep", ["writes", "workspace"])
@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_what_is_not_taken_back_is_said(keep: str, data: Any) -> None:
    """Whatever calls and programs do: a file that is not as it was is named, and nothing else is touched."""
    from .conftest import Work

    call = st.one_of(
        exact.map(lambda c: calls_of_one([c])[0]),
        st.lists(anything, min_size=1, max_size=3).map(lambda changes: ("program", {"changes": changes})),
    )
    turns = data.draw(st.lists(st.lists(call, min_size=1, max_size=3), min_size=1, max_size=3))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for path in "a", "d/x":
            change(folder, "write", path, b"old")
        work = Work(folder)
        work.settings = {"keep": keep}
        before = files(work.tree())
        asyncio.run(work.turns(*turns, tools=[one, program]))
        after = files(work.tree())
        done = work.restore(0)
        named = {*done.conflicts, *done.unknown, *done.failed}
        found = files(work.tree())
        for path in before.keys() | found.keys():
            assert found.get(path) == (after if path in named else before).get(path), path
