"""The error tree of kt.errors is the one its docstring draws."""

import inspect
import re

import kt.errors
import pytest
from kt.errors import KTError, nearest

LINE = re.compile(r"^(?P<indent>[│├└─ ]*)(?P<name>\w+)(?: +(?P<code>E-\w+) (?P<exit>\d+))?(?: {2,}|$)")


def drawn() -> dict[str, tuple[str, str, int]]:
    """Return name -> (parent, code, exit code) as the docstring draws it; what it leaves out is inherited."""
    found: dict[str, tuple[str, str, int]] = {}
    above: list[str] = []
    for line in inspect.getdoc(kt.errors).splitlines()[2:]:  # type: ignore[union-attr]
        match = LINE.match(line)
        assert match, line
        depth = len(match["indent"]) // 4
        parent = above[depth - 1] if depth else "Exception"
        _, code, exit_code = found.get(parent, ("", "", 0))
        found[match["name"]] = parent, match["code"] or code, int(match["exit"] or exit_code)
        above[depth:] = [match["name"]]
    return found


def actual() -> dict[str, tuple[str, str, int]]:
    classes = [c for c in vars(kt.errors).values() if isinstance(c, type) and issubclass(c, KTError)]
    return {c.__name__: (c.__bases__[0].__name__, c.code, c.exit_code) for c in classes}


def test_the_tree_has_what_issue_2_names() -> None:
    assert len(drawn()) >= 21
    assert drawn()["UnknownName"] == ("ConfigError", "E-UNKNOWN", 78)
    assert drawn()["TurnTimeout"] == ("TurnError", "E-TIMEOUT", 124)


@pytest.mark.parametrize("name", sorted(actual().keys() | drawn().keys()))
def test_the_class_is_what_the_docstring_draws(name: str) -> None:
    assert actual()[name] == drawn()[name]


def test_each_code_has_one_class() -> None:
    codes = [code for name, (_, code, _) in actual().items() if name != "TurnError"]
    assert len(set(codes)) == len(codes)


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (kt.errors.NotFound("no file"), "error[E-NOTFOUND]: no file"),
        (kt.errors.NotFound("no file", where="a.toml:3:4"), "error[E-NOTFOUND]: no file (a.toml:3:4)"),
        (KTError("it broke", hint="try again"), "error[E-KT]: it broke. hint: try again"),
        (KTError("two\n  lines", where="x", hint="h"), "error[E-KT]: two lines (x). hint: h"),
    ],
)
def test_a_line_has_code_what_where_and_hint(error: KTError, line: str) -> None:
    assert error.line() == line


def test_an_error_keeps_its_pieces() -> None:
    error = KTError("it broke", where="here", hint="try again")
    assert (error.what, error.where, error.hint, str(error)) == ("it broke", "here", "try again", "it broke (here)")


@pytest.mark.parametrize(
    ("what", "line"),
    [
        ("which index?", "which index? hint: x"),
        ("it stopped.", "it stopped. hint: x"),
        ("it broke", "it broke. hint: x"),
    ],
)
def test_a_hint_follows_one_mark_of_punctuation(what: str, line: str) -> None:
    assert KTError(what, hint="x").line() == f"error[E-KT]: {line}"


def test_a_plugins_error_takes_its_place_in_the_tree() -> None:
    class BudgetSpent(kt.errors.LimitReached):
        code = "E-BUDGET"

    error = BudgetSpent("no money left")
    assert (error.exit_code, error.line()) == (3, "error[E-BUDGET]: no money left")


@pytest.mark.parametrize(
    ("name", "known", "hint"),
    [
        ("raed", ["read", "write"], "did you mean read?"),
        ("zzz", ["b", "a"], "known: a, b"),
        ("zzz", [f"n{i:02}" for i in range(13)], f"known: {', '.join(f'n{i:02}' for i in range(12))} ..."),
        ("kt-heron", ["kt-keyring", "kt-evals"], "known: kt-evals, kt-keyring"),
        ("kt-heron", ["kt-herons"], "did you mean kt-herons?"),
        ("@kt-biom", ["kt-biome", "kt-yaml"], "did you mean kt-biome?"),
        ("zzz", [], ""),
    ],
)
def test_nearest_suggests_or_lists(name: str, known: list[str], hint: str) -> None:
    assert nearest(name, known) == hint
