"""notebook_read and notebook_edit, called as a model calls them."""

import base64
import json
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from kt import Media, ToolRecord, ToolResult
from kt.events import ToolEnded
from kt.testing import EventRecorder, running

pytestmark = pytest.mark.anyio
Play = Callable[..., Awaitable[list[ToolRecord]]]

PNG = b"\x89PNG\r\n\x1a\n\0\0"


def code(source: Any, *outputs: Any, **more: Any) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "execution_count": 1,
        "metadata": {},
        "outputs": list(outputs),
        "source": source,
        **more,
    }


def markdown(source: Any, **more: Any) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": source, **more}


def stream(text: Any) -> dict[str, Any]:
    return {"name": "stdout", "output_type": "stream", "text": text}


def shows(**data: Any) -> dict[str, Any]:
    return {"data": {k.replace("_", "/"): v for k, v in data.items()}, "metadata": {}, "output_type": "display_data"}


def notebook(*cells: dict[str, Any], minor: int = 5) -> str:
    """Return a notebook as Jupyter writes it."""
    for number, cell in enumerate(cells):
        if minor >= 5:
            cell.setdefault("id", f"id-{number}")
    whole = {"cells": list(cells), "metadata": {"k": 1.50}, "nbformat": 4, "nbformat_minor": minor}
    return json.dumps(whole, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def read(cell: int | None = None) -> tuple[str, dict[str, Any]]:
    return "notebook_read", {"path": "n.ipynb"} | ({} if cell is None else {"cell": cell})


def edit(cell: int, source: str | None = None, **more: Any) -> tuple[str, dict[str, Any]]:
    return "notebook_edit", {"path": "n.ipynb", "cell": cell} | ({} if source is None else {"source": source}) | more


def assert_valid(text: str) -> None:
    """Check what nbformat 4 asks of cells."""
    value = json.loads(text)
    ids = [cell.get("id") for cell in value["cells"]]
    if value["nbformat_minor"] >= 5:
        assert all(re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", id) for id in ids)
        assert len(set(ids)) == len(ids)
    else:
        assert ids == [None] * len(ids)
    for cell in value["cells"]:
        assert {"cell_type", "metadata", "source"} <= cell.keys()
        assert ({"outputs", "execution_count"} <= cell.keys()) is (cell["cell_type"] == "code")
        assert not (cell["cell_type"] != "code" and {"outputs", "execution_count"} & cell.keys())


async def test_read_numbers_cells_with_ids_sources_and_outputs(play: Play, tmp_path: Path) -> None:
    failed = {"output_type": "error", "ename": "E", "evalue": "v", "traceback": ["\x1b[0;31mE\x1b[0m: v"]}
    (tmp_path / "n.ipynb").write_text(
        notebook(
            markdown(["# Title\n", "text"]),
            code("1 + 1", stream(["a\n", "b\n"]), shows(text_plain="2"), failed, shows(image_svg="<svg/>")),
            code(""),
        )
    )
    whole, one = await play(read(), read(1))
    first = "[1] markdown id-0\n# Title\ntext"
    assert whole.result == (
        f"{first}\n[2] code id-1\n1 + 1\n[output]\na\nb\n2\nE: v\n[image/svg: not shown]\n[3] code id-2\n"
    )
    assert one.result == first


async def test_read_bounds_what_it_shows(play: Play, tmp_path: Path) -> None:
    cells = [code("x" * 9_000, stream("y" * 9_000)) for _ in range(30)]
    (tmp_path / "n.ipynb").write_text(notebook(*cells))
    whole, one = await play(read(), read(30))
    assert whole.result is not None
    assert len(whole.result) < 60_000
    assert whole.result.endswith("\n[cells 1-7 of 30; read the others one by one]")
    assert "x [... 5,000 more characters]" in whole.result
    assert one.result == f"[30] code id-29\n{'x' * 9_000}\n[output]\n{'y' * 9_000}"


async def test_read_gives_the_first_images_of_outputs_as_media(tmp_path: Path) -> None:
    picture = shows(image_png=base64.encodebytes(PNG).decode(), text_plain="<Figure>")
    (tmp_path / "n.ipynb").write_text(notebook(code("plot()", *[picture] * 5, shows(image_png="!"))))
    async with running([[read()], "done"], tools=["notebook_read"], pwd=tmp_path) as agent:
        events = EventRecorder(agent)
        await agent.run("go")
        result: ToolResult = events.of(ToolEnded)[0].result
    assert result.parts[1:] == [Media("image/png", data=PNG, origin="file")] * 4
    assert result.text.splitlines()[2:] == [
        "[output]",
        *(f"[image/png: image {n}]" for n in range(1, 5)),
        "[image/png: not shown, too many]",
        "[image/png: broken]",
    ]


async def test_replaced_code_loses_its_outputs_and_keeps_the_rest_as_written(play: Play, tmp_path: Path) -> None:
    file = tmp_path / "n.ipynb"
    file.write_text(notebook(markdown("é"), code(["old\n", "b"], stream("x"), metadata={"tags": ["t"]}), code("c")))
    _, done, after = await play(read(), edit(2, "new\nb\n"), read(2))
    assert done.result == "replaced cell 2 of n.ipynb\n@@ -1,2 +1,2 @@\n-old\n+new\n b"
    assert after.result == "[2] code id-1\nnew\nb\n"
    cells = [markdown("é"), code(["new\n", "b\n"], execution_count=None, metadata={"tags": ["t"]}), code("c")]
    assert file.read_text() == notebook(*cells)


@pytest.mark.parametrize("minor", [4, 5])
async def test_cells_are_inserted_deleted_and_change_their_kind(play: Play, tmp_path: Path, minor: int) -> None:
    file = tmp_path / "n.ipynb"
    file.write_text(notebook(code("a", stream("x")), markdown("b", attachments={}), minor=minor))
    records = await play(
        read(),
        edit(3, "end", action="insert"),
        edit(1, "first", action="insert", kind="markdown"),
        edit(2, "a2", kind="markdown"),
        edit(3, "b2", kind="code"),
        edit(1, action="delete"),
    )
    assert [r.error for r in records] == [None] * 6
    assert records[-1].result == "deleted cell 1 of n.ipynb\n@@ -1 +0,0 @@\n-first"
    assert_valid(file.read_text())
    cells = json.loads(file.read_text())["cells"]
    assert [(c["cell_type"], c["source"]) for c in cells] == [("markdown", ["a2"]), ("code", ["b2"]), ("code", ["end"])]
    if minor == 5:
        assert [c["id"] for c in cells[:2]] == ["id-0", "id-1"]
    assert file.read_text().startswith('{\n "cells": [\n  {\n   "cell_type": "markdown",')
    assert file.read_text().endswith(f' "nbformat": 4,\n "nbformat_minor": {minor}\n}}\n')


async def test_a_replaced_cell_without_the_id_it_must_have_gets_one(play: Play, tmp_path: Path) -> None:
    cell = markdown("a")
    text = notebook(cell)
    (tmp_path / "n.ipynb").write_text(text.replace('   "id": "id-0",\n', ""))
    *_, done = await play(read(), edit(1, "b"))
    assert done.error is None
    assert_valid((tmp_path / "n.ipynb").read_text())


async def test_an_empty_notebook_takes_a_cell(play: Play, tmp_path: Path) -> None:
    (tmp_path / "n.ipynb").write_text(notebook())
    seen, done = await play(read(), edit(1, "", action="insert"))
    assert seen.result == "(no cells)"
    assert done.result == "inserted cell 1 of n.ipynb"
    assert_valid((tmp_path / "n.ipynb").read_text())


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (edit(0, "x"), "there is no cell 0 (cells count from 1 to 1)"),
        (edit(2, "x"), "there is no cell 2 (cells count from 1 to 1)"),
        (edit(3, "x", action="insert"), "there is no cell 3 (cells count from 1 to 2)"),
        (edit(1), "give source, but not to delete"),
        (edit(1, "x", action="delete"), "give source, but not to delete"),
        (read(2), "there is no cell 2 (cells count from 1 to 1)"),
    ],
)
async def test_a_call_that_does_not_fit_is_refused(
    play: Play, tmp_path: Path, call: tuple[str, dict[str, Any]], error: str
) -> None:
    (tmp_path / "n.ipynb").write_text(notebook(code("x")))
    *_, done = await play(read(), call)
    assert done.error == error
    assert (tmp_path / "n.ipynb").read_text() == notebook(code("x"))


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("{}", "'n.ipynb' is no notebook of nbformat 4"),
        ('{"nbformat": 3, "worksheets": []}', "'n.ipynb' is no notebook of nbformat 4"),
        ('{"nbformat": 4}', "'n.ipynb' has no list of cells"),
        ('{"nbformat": 4, "cells": [1]}', "'n.ipynb' has no list of cells"),
        ("no", "not JSON: Expecting value (line 1, column 1) (use edit)"),
    ],
)
async def test_what_is_no_notebook_is_refused(play: Play, tmp_path: Path, text: str, error: str) -> None:
    (tmp_path / "n.ipynb").write_text(text)
    for done in await play(read(), edit(1, "x")):
        assert done.error == error


async def test_an_edit_needs_the_notebook_as_it_is_now(play: Play, tmp_path: Path) -> None:
    file = tmp_path / "n.ipynb"
    file.write_text(notebook(code("x")))
    unread, _, stale = await play(edit(1, "y"), read(), lambda: file.write_text(notebook(code("z"))), edit(1, "y"))
    assert unread.error == "'n.ipynb' was not read in this conversation (read it first)"
    assert stale.error == "'n.ipynb' changed on disk since it was read (read it again)"
