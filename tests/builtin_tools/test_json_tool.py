"""json_query and json_edit, called as a model calls them, and their laws."""

import copy
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kt import ToolRecord
from kt.errors import KTError
from kt_builtin_tools._json_pointer import pointer_of, segments
from kt_builtin_tools._json_text import Document
from kt_builtin_tools.json_file import Change, apply

pytestmark = pytest.mark.anyio
Play = Callable[..., Awaitable[list[ToolRecord]]]

DATA = {"a": {"b": [1, 2, {"c": None}], "": 0, "x/y": 1, "m~n": 2}, "list": [{"n": 1}, {"n": 2}, {}], "*": "é"}


def query(path: str, pointer: str) -> tuple[str, dict[str, Any]]:
    return "json_query", {"path": path, "query": pointer}


def change(path: str, *changes: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    return "json_edit", {"path": path, "changes": list(changes)}


def op(kind: str, path: str, **more: Any) -> dict[str, Any]:
    return {"op": kind, "path": path, **more}


def changed(text: str, *changes: dict[str, Any]) -> str:
    document = Document(text)
    apply(document, [Change(**{"from_" if k == "from" else k: v for k, v in c.items()}) for c in changes])
    return document.text


@pytest.mark.parametrize(
    ("pointer", "result"),
    [
        ("/a/b/1", "/a/b/1: 2"),
        ("/a/b/2", '/a/b/2: {"c": null}'),
        ("/a/", "/a/: 0"),
        ("/a/x~1y", "/a/x~1y: 1"),
        ("/a/m~0n", "/a/m~0n: 2"),
        ("/list/*/n", "/list/0/n: 1\n/list/1/n: 2"),
        ("/*/b/*", '/a/b/0: 1\n/a/b/1: 2\n/a/b/2: {"c": null}'),
        ("/list/2", "/list/2: {}"),
        ("", f": {json.dumps(DATA, ensure_ascii=False)}"),
    ],
)
async def test_a_query_gives_values_with_their_pointers(play: Play, tmp_path: Path, pointer: str, result: str) -> None:
    (tmp_path / "x").write_text(json.dumps(DATA, indent=3))
    (done,) = await play(query("x", pointer))
    assert done.result == result.strip() if pointer else result


@pytest.mark.parametrize(
    ("pointer", "error"),
    [
        ("/lost", "nothing in 'x' matches '/lost' ('' has no 'lost'; did you mean list?)"),
        ("/a/b/3", "nothing in 'x' matches '/a/b/3' ('/a/b' has no '3'; known: 0, 1, 2)"),
        ("/a/b/01", "nothing in 'x' matches '/a/b/01' ('/a/b' has no '01'; did you mean 1, 0?)"),
        ("/a/b/0/c", "nothing in 'x' matches '/a/b/0/c' ('/a/b/0' has no 'c'; it is empty)"),
        ("/list/*/m", "nothing in 'x' matches '/list/*/m' (nothing below '/list' has what follows *)"),
        ("/list/2/*", "nothing in 'x' matches '/list/2/*' ('/list/2' is empty)"),
        ("a", "'a' is no JSON Pointer (begin it with /)"),
        ("/a~2", "'/a~2' is no JSON Pointer (write ~ as ~0)"),
    ],
)
async def test_a_query_that_finds_nothing_says_what_is_there(
    play: Play, tmp_path: Path, pointer: str, error: str
) -> None:
    (tmp_path / "x").write_text(json.dumps(DATA))
    (done,) = await play(query("x", pointer))
    assert done.error == error


async def test_results_are_bounded(play: Play, tmp_path: Path) -> None:
    (tmp_path / "x").write_text(json.dumps({"many": list(range(500)), "long": "y" * 90_000, "both": ["z" * 9_000] * 9}))
    many, long, both = await play(query("x", "/many/*"), query("x", "/long"), query("x", "/both/*"))
    assert many.result is not None
    assert many.result.splitlines()[99:] == ["/many/99: 99", "[only the first 100; narrow the query]"]
    assert long.result is not None
    assert len(long.result) < 31_000
    assert long.result.endswith("[... 60,002 more characters]")
    assert both.result is not None
    assert len(both.result) < 20_000


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b'{"a": 1,}', "not JSON: "),
        (b"{} // no", "not JSON: Extra data (line 1, column 4) (use edit)"),
        (b'"caf\xe9"', "'x' is no UTF-8 text: "),
        (b"NaN", "not JSON: NaN is no JSON value"),
        (b"[" * 100_000, "not JSON: "),
        (b"9" * 5000, "not JSON: "),
        (b"", "not JSON: Expecting value (line 1, column 1) (use edit)"),
    ],
)
async def test_what_is_no_json_is_refused(play: Play, tmp_path: Path, data: bytes, error: str) -> None:
    (tmp_path / "x").write_bytes(data)
    asked, edited = await play(query("x", ""), change("x", op("add", "/a", value=1)))
    assert asked.error is not None
    assert asked.error.startswith(error)
    assert edited.error
    assert (tmp_path / "x").read_bytes() == data


async def test_a_lone_surrogate_is_shown_as_its_escape(play: Play, tmp_path: Path) -> None:
    (tmp_path / "x").write_text('["\\ud800é"]')
    (done,) = await play(query("x", "/0"))
    assert done.result == '/0: "\\ud800\\u00e9"'


async def test_an_edit_needs_a_query_or_a_read_first(play: Play, tmp_path: Path) -> None:
    file = tmp_path / "x"
    file.write_text("[1]\n")
    put = change("x", op("add", "/-", value=2))
    unread, _, done, again, stale = await play(put, query("x", "/0"), put, put, lambda: file.write_text("[1]\n"), put)
    assert unread.error == "'x' was not read in this conversation (read it first)"
    assert done.result == "edited x\n@@ -1 +1 @@\n-[1]\n+[1, 2]"
    assert again.error is None
    assert stale.error == "'x' changed on disk since it was read (read it again)"
    assert file.read_text() == "[1]\n"


async def test_changes_are_all_or_none(play: Play, tmp_path: Path) -> None:
    (tmp_path / "x").write_text('{"a": 1}')
    _, failed, done = await play(
        query("x", ""),
        change("x", op("add", "/b", value=2), op("test", "/a", value=2), op("remove", "/a")),
        change(
            "x", op("test", "/a", value=1.0), op("move", "/b", **{"from": "/a"}), op("copy", "/c", **{"from": "/b"})
        ),
    )
    assert failed.error == "change 2: the test failed: '/a' is 1"
    assert done.error is None
    assert (tmp_path / "x").read_text() == '{"b": 1, "c": 1}'


@pytest.mark.parametrize(
    ("wanted", "error"),
    [
        (op("remove", "/no"), "change 1: there is no 'no' (/no) (known: a, list)"),
        (op("replace", "/a/9", value=1), "change 1: '9' is no element of an array of 2 (/a/9)"),
        (op("add", "/a/3", value=1), "change 1: '3' is no element of an array of 2 (/a/3)"),
        (op("add", "/a/00", value=1), "change 1: '00' is no element of an array of 2 (/a/00)"),
        (op("add", "/no/b", value=1), "change 1: there is no 'no' (/no) (known: a, list)"),
        (op("add", "/a/0/b", value=1), "change 1: 1 is no object or array (/a/0/b)"),
        (op("add", "/b"), "change 1: add needs a value"),
        (op("move", "/b"), "change 1: move needs from"),
        (op("move", "/a/0", **{"from": "/a"}), "change 1: '/a' cannot be moved into itself"),
        (op("remove", ""), "change 1: the whole document cannot be removed"),
        (op("test", "/a", value=[1, True]), "change 1: the test failed: '/a' is [1, 1]"),
        (op("shift", "/a"), "invalid arguments: changes.0.op: Input should be 'add', 'replace', "),
    ],
)
async def test_a_change_that_does_not_fit_is_refused(
    play: Play, tmp_path: Path, wanted: dict[str, Any], error: str
) -> None:
    (tmp_path / "x").write_text('{"a": [1, 1], "list": 0}')
    _, done = await play(query("x", ""), change("x", wanted))
    assert done.error is not None
    assert done.error.startswith(error)
    assert (tmp_path / "x").read_text() == '{"a": [1, 1], "list": 0}'


LAYOUT = '{\n\t"one": [1, 2.50, 1e400],\n\t"two": {"k":  "\\u00e9/\\/"},\n\n\t"three": {}\n}\n'


@pytest.mark.parametrize(
    ("before", "wanted", "after"),
    [
        (LAYOUT, [op("replace", "/one/0", value="x")], LAYOUT.replace("[1,", '["x",')),
        (LAYOUT, [op("add", "/one/-", value=3)], LAYOUT.replace("1e400]", "1e400, 3]")),
        (LAYOUT, [op("add", "/one/0", value=3)], LAYOUT.replace("[1,", "[3, 1,")),
        (LAYOUT, [op("remove", "/one/1")], LAYOUT.replace(" 2.50,", "")),
        (LAYOUT, [op("remove", "/two")], LAYOUT.replace('\n\t"two": {"k":  "\\u00e9/\\/"},', "")),
        (LAYOUT, [op("remove", "/three")], LAYOUT.replace(',\n\n\t"three": {}', "")),
        (
            LAYOUT,
            [op("add", "/new", value={"p": ["é"]})],
            LAYOUT.replace("{}\n", '{},\n\t"new": {\n\t\t"p": [\n\t\t\t"\\u00e9"\n\t\t]\n\t}\n'),
        ),
        (LAYOUT, [op("add", "/three/k", value=1)], LAYOUT.replace("{}\n", '{\n\t\t"k": 1\n\t}\n')),
        (LAYOUT, [op("copy", "/three/k", **{"from": "/one/2"})], LAYOUT.replace("{}\n", '{\n\t\t"k": 1e400\n\t}\n')),
        ('{"a":1,"b":2}', [op("add", "/c", value=[1, {"d": 2}])], '{"a":1,"b":2,"c":[1,{"d":2}]}'),
        ('{ "a": 1 }\r\n', [op("add", "/b", value=2)], '{ "a": 1, "b": 2 }\r\n'),
        ('{\r\n  "a": 1\r\n}\r\n', [op("add", "/b", value=[2])], '{\r\n  "a": 1,\r\n  "b": [\r\n    2\r\n  ]\r\n}\r\n'),
        ('{\n "a": {\n  "b": 1\n }\n}', [op("move", "/b", **{"from": "/a"})], '{\n "b": {\n  "b": 1\n }\n}'),
        (
            '{\n "a": {\n  "b": {\n   "c": 1\n  }\n }\n}',
            [op("move", "/x", **{"from": "/a/b"})],
            '{\n "a": {},\n "x": {\n  "c": 1\n }\n}',
        ),
        ("\ufeff[1]\n", [op("remove", "/0")], "\ufeff[]\n"),
        ("[1]", [op("replace", "", value=None)], "null"),
        ("[1, 2]", [op("remove", "/0"), op("remove", "/0"), op("add", "/-", value=3)], "[3]"),
        ('{"a": "é"}', [op("add", "/ü", value="ö")], '{"a": "é", "ü": "ö"}'),
        ('{"a/b": {"~": [",:{"]}}', [op("add", "/a~1b/~0/0", value=1)], '{"a/b": {"~": [1, ",:{"]}}'),
    ],
)
def test_what_no_change_names_stays_as_it_was_written(before: str, wanted: list[dict[str, Any]], after: str) -> None:
    assert changed(before, *wanted) == after


def test_a_name_that_is_there_twice_is_refused() -> None:
    with pytest.raises(KTError, match="the name 'a' is there 2 times"):
        changed('{"a": 1, "a": 2}', op("replace", "/a", value=3))


KEYS = st.sampled_from(["a", "b", "", "~", "/", "0", "-", '"', "é\n"])
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-9, 9), st.sampled_from(["", "x", '],"{', "\\", "\u2028"])),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)),
    max_leaves=12,
)
NAMES = st.lists(st.one_of(KEYS, st.sampled_from(["1", "2"])), max_size=3)
WRITTEN = st.sampled_from([{}, {"indent": 2}, {"indent": "\t"}, {"separators": (",", ":")}, {"ensure_ascii": False}])


@given(names=st.lists(st.text(), max_size=5))
def test_a_pointer_leads_back_to_its_names(names: list[str]) -> None:
    assert segments(pointer_of(names)) == names


@given(value=VALUES, style=WRITTEN, kind=st.sampled_from(["add", "replace", "remove", "move", "copy"]), data=st.data())
def test_changes_do_to_the_text_what_they_do_to_the_value(
    value: Any, style: dict[str, Any], kind: str, data: st.DataObject
) -> None:
    names, source, new = data.draw(NAMES), data.draw(NAMES), data.draw(VALUES)
    wanted = op(kind, pointer_of(names))
    if kind in ("add", "replace"):
        wanted["value"] = new
    elif kind in ("move", "copy"):
        wanted["from"] = pointer_of(source)
    try:
        expected = reference(value, kind, names, source, new)
    except (LookupError, ValueError):
        with pytest.raises(KTError):
            changed(json.dumps(value, **style), wanted)
    else:
        assert json.loads(changed(json.dumps(value, **style), wanted)) == expected


def reference(value: Any, kind: str, names: list[str], source: list[str], new: Any) -> Any:
    """Do an operation of RFC 6902 the plain way. Raises LookupError or ValueError where it cannot be."""
    value = copy.deepcopy(value)
    if kind in ("move", "copy"):
        new = copy.deepcopy(at(value, source))
        if kind == "move" and names == source:
            return value
        if kind == "move" and names[: len(source)] == source:
            raise ValueError
        value = reference(value, "remove", source, [], None) if kind == "move" else value
        kind = "add"
    if not names:
        if kind == "remove":
            raise ValueError
        return new
    parent, name = at(value, names[:-1]), names[-1]
    if kind != "add":
        at(parent, [name])
    place: Any = name
    if isinstance(parent, list):
        place = len(parent) if name == "-" and kind == "add" else number(name, len(parent) + (kind == "add"))
    elif not isinstance(parent, dict):
        raise LookupError
    if kind == "remove":
        del parent[place]
    elif kind == "add" and isinstance(parent, list):
        parent.insert(place, new)
    else:
        parent[place] = new
    return value


def at(value: Any, names: list[str]) -> Any:
    for name in names:
        if isinstance(value, list):
            value = value[number(name, len(value))]
        elif isinstance(value, dict):
            value = value[name]
        else:
            raise LookupError
    return value


def number(name: str, size: int) -> int:
    if name not in [str(n) for n in range(size)]:
        raise LookupError
    return int(name)
