"""YAML with the position of every key; what would be lost, run or explode is refused with its place."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kt.errors import DataError
from kt_yaml.load import load

FILE = Path("c.yaml")

KEYS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=12)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | KEYS
DATA = st.dictionaries(
    KEYS,
    st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4)),
    max_size=5,
)


def paths(value: Any, at: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """Yield every path of nested data with what stands there."""
    items: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*at, key), inner
        yield from paths(inner, (*at, key))


def node_at(text: str, line: int, column: int, root: yaml.Node) -> Iterator[yaml.Node]:
    """Yield the nodes of a document that start at a place."""
    pending = [root]
    while pending:
        node = pending.pop()
        if (node.start_mark.line + 1, node.start_mark.column + 1) == (line, column):
            yield node
        if isinstance(node, yaml.SequenceNode):
            pending += node.value
        elif isinstance(node, yaml.MappingNode):
            pending += [each for pair in node.value for each in pair]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=DATA, flow=st.booleans(), wide=st.booleans())
def test_every_path_is_located_at_its_key(data: dict[str, Any], flow: bool, wide: bool) -> None:
    text = yaml.safe_dump(data, default_flow_style=flow, allow_unicode=wide, width=40)
    loaded, locate = load(text, FILE)
    assert loaded == data
    root = yaml.compose(text)
    for path, _ in paths(data):
        nodes = list(node_at(text, *locate(path), root))
        if isinstance(path[-1], str):
            assert [n for n in nodes if isinstance(n, yaml.ScalarNode) and n.value == path[-1]], (path, text)
        else:
            assert nodes, (path, text)


@settings(max_examples=60, deadline=None)
@given(data=DATA)
def test_what_is_not_there_is_located_at_what_is_above_it(data: dict[str, Any]) -> None:
    _, locate = load(yaml.safe_dump(data), FILE)
    assert locate(["\0 no such key"]) == (1, 1)
    for path, _ in paths(data):
        assert locate([*path, "\0 no such key", 3]) == locate(path)


def test_places_are_lines_and_columns_from_one() -> None:
    data, locate = load("a: 1\nb:\n  - x\n  - c: {d: 1, 'e f': 2}\n", FILE)
    assert data == {"a": 1, "b": ["x", {"c": {"d": 1, "e f": 2}}]}
    assert locate(["a"]) == (1, 1)
    assert locate(["b"]) == (2, 1)
    assert locate(["b", 0]) == (3, 5)
    assert locate(["b", 1, "c"]) == (4, 5)
    assert locate(["b", 1, "c", "d"]) == (4, 9)
    assert locate(["b", 1, "c", "e f"]) == (4, 15)


@pytest.mark.parametrize("text", ["", "# only a comment\n"])
def test_an_empty_document_is_an_empty_mapping(text: str) -> None:
    data, locate = load(text, FILE)
    assert data == {}
    assert locate(["a"]) == (1, 1)


def test_anchors_and_merges_work() -> None:
    data, locate = load("base: &b {x: 1, y: 2}\nother:\n  <<: *b\n  y: 3\nsame: *b\n", FILE)
    assert data == {"base": {"x": 1, "y": 2}, "other": {"x": 1, "y": 3}, "same": {"x": 1, "y": 2}}
    assert locate(["other", "y"]) == (4, 3)
    assert locate(["other", "x"]) == (2, 1)


BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{b}: &{b} [{', '.join([f'*{a}'] * 10)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "where", "says"),
    [
        ("a: 1\na: 2\n", "2:1", "'a' stands twice"),
        ("a:\n  b: 1\n  c: 2\n  b: 3\n", "4:3", "'b' stands twice"),
        ("a: [{b: 1, b: 2}]\n", "1:12", "'b' stands twice"),
        ("1: x\n", "1:1", "'1' must be text"),
        ("on: x\n", "1:1", "'on' must be text"),
        ("a:\n  null: x\n", "2:3", "'null' must be text"),
        ("2001-01-01: x\n", "1:1", "must be text"),
        ("? [a, b]\n: x\n", "1:3", "must be text"),
        ("a: [b\n", "2:1", "broken YAML"),
        ("a: b: c\n", "1:5", "broken YAML"),
        ("a:\n\t- b\n", "2:1", "broken YAML"),
        ("a: *nowhere\n", "1:4", "nowhere"),
        ("a: 1\n---\nb: 2\n", "2:1", "broken YAML"),
        ("a: !!python/object/apply:os.system ['echo owned']\n", "1:4", "python/object"),
        ("a: !Anything {b: 1}\n", "1:4", "!Anything"),
        ("a: 2001-99-99\n", "1:1", "broken YAML"),
        ("a: \x00\n", "1:1", "broken YAML"),
        (BOMB, "1:1", "nested aliases"),
        ("a: &a [*a]\n", "1:1", "broken YAML"),
        ("a: &a\n  b: *a\n", "1:1", "broken YAML"),
        ("[" * 5000, "1:1", "broken YAML"),
        ("a: " + "{a: " * 3000 + "}" * 3000, "1:1", "broken YAML"),
    ],
    ids=lambda value: value[:20] if isinstance(value, str) else "",
)
def test_what_is_no_configuration_is_refused_with_its_place(text: str, where: str, says: str) -> None:
    with pytest.raises(DataError) as raised:
        load(text, FILE)
    assert says in raised.value.what
    assert raised.value.where == f"c.yaml:{where}"
    assert "\n" not in raised.value.what


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("base: @kt-biome/creatures/swe\n", "put the value in quotes"),
        ("a: [x, `y`]\n", "put the value in quotes"),
        ("a: b: c\n", 'put a value with ": " in quotes'),
        ("a:\n\t- b\n", "indent with spaces"),
        ("a: [b\n", ""),
    ],
)
def test_frequent_mistakes_have_a_hint(text: str, hint: str) -> None:
    with pytest.raises(DataError) as raised:
        load(text, FILE)
    assert raised.value.hint == hint
