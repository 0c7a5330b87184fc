"""What a pack needs, and what its kt-pack.toml may say."""

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kt.errors import DataError
from kt_marketplace import schema
from kt_marketplace.manifest import Pack, Provided, normal
from kt_marketplace.needs import Needs

KINDS = ("reads", "writes", "net", "exec", "secrets", "listen")
PATHS = ["$WS", "*", "$WS/a", "$KT_HOME", "$KT_CACHE/x", "/srv/a", "/srv/a/b", "~/notes", "~", "a b.txt", "../a"]
VALUES = {
    "reads": PATHS,
    "writes": PATHS,
    "net": ["*", "a.example", "x.a.example", "*.a.example", "a.example:443", "xn--bcher-kva.example", "localhost:8080"],
    "exec": ["any", "git", "g++", "python3.11", "7z", "clang-format"],
    "secrets": ["*", "KEY", "_X", "GH_TOKEN_2"],
    "listen": ["*", "8080", "1"],
}
"""Kind -> values of each of its forms."""


def some(kind: str) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from(VALUES[kind]), max_size=3, unique=True).map(tuple)


NEEDS = st.builds(Needs, **{kind: some(kind) for kind in KINDS})
WHOLE = """
[pack]
name = "kt-pond"
version = "1.0"
description = "A frog"
kt = ">=0.1,<1"
license = "MIT"
keywords = ["frog"]
hooks = ["kt_prompt"]
[needs]
net = ["pond.example"]
[[provides]]
kind = "creature"
name = "frog"
"""


@given(NEEDS, NEEDS)
def test_what_is_granted_covers_itself_and_more_never_less(one: Needs, other: Needs) -> None:
    both = one | other
    assert not one.beyond(one)
    assert not one.beyond(both)
    assert not both.beyond(one) or both.beyond(one).beyond(other) == Needs() or other.beyond(one)
    assert not both.beyond(one).beyond(other)
    assert Needs.parse(both.table(), where="x") == both
    assert bool(both.lines()) == bool(both)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        *(
            (kind, text)
            for kind in KINDS
            for text in ("", " ", "@path", "a\u2800", "a\u3164", "a\u200b", "a\ufe0f", "a" * 201)
        ),
        *((kind, text) for kind in ("net", "exec", "secrets", "listen") for text in ("nothing beyond computing", "é")),
        ("reads", "$HOME/x"),
        ("reads", "$WSX"),
        ("writes", "~root/x"),
        ("writes", "*.txt"),
        ("writes", "/srv/e\u0301"),
        ("writes", " /srv"),
        ("net", "https://a.example"),
        ("net", "a.example/x"),
        ("net", "x@a.example"),
        ("net", "a.example:"),
        ("net", "a..example"),
        ("net", "-a.example"),
        ("net", "a.*.example"),
        ("net", "**"),
        ("exec", "*"),
        ("exec", "/bin/sh"),
        ("exec", "-x"),
        ("secrets", "key"),
        ("secrets", "2X"),
        ("secrets", "any"),
        ("listen", "0"),
        ("listen", "100000"),
        ("listen", "any"),
    ],
)
def test_each_kind_has_its_form(kind: str, value: str) -> None:
    with pytest.raises(DataError) as raised:
        Needs.parse({kind: [VALUES[kind][0], value]}, where="here")
    assert raised.value.what.startswith(f"needs.{kind}: {value[:200]!a} ")
    assert raised.value.where == "here"


def test_a_kind_has_not_too_many_values() -> None:
    most = [str(port) for port in range(1, 51)]
    assert Needs.parse({"listen": most}, where="here").listen == tuple(most)
    with pytest.raises(DataError, match=r"needs\.listen has 51 values"):
        Needs.parse({"listen": [*most, "51"]}, where="here")


def test_no_need_reads_as_a_sentence() -> None:
    assert Needs.parse({"writes": ["nothing at all"]}, where="x").lines() == ["change ./nothing at all"]


@pytest.mark.parametrize(
    ("kind", "wanted", "granted", "left"),
    [
        ("net", "a.example:443", "a.example", ()),
        ("net", "x.a.example", "*.a.example", ()),
        ("net", "evil-a.example", "*.a.example", ("evil-a.example",)),
        ("net", "*", "a.example", ("*",)),
        ("net", "@url", "a.example", ("@url",)),
        ("writes", "@path", "$WS", ()),
        ("writes", "out.txt", "$WS", ()),
        ("writes", "../out.txt", "$WS", ("../out.txt",)),
        ("writes", "$WS/../x", "$WS", ("$WS/../x",)),
        ("writes", "/srv/data/x", "/srv/data", ()),
        ("writes", "/srv/database", "/srv/data", ("/srv/database",)),
        ("writes", "~/x", "$WS", ("~/x",)),
        ("exec", "git", "any", ()),
        ("exec", "any", "git", ("any",)),
        ("listen", "8080", "8081", ("8080",)),
    ],
)
def test_what_covers_what(kind: str, wanted: str, granted: str, left: tuple[str, ...]) -> None:
    needs = Needs(**{kind: (wanted,)})
    assert getattr(needs.beyond(Needs(**{kind: (granted,)})), kind) == left


def test_to_read_the_working_folder_needs_no_word_and_what_may_be_changed_may_be_read() -> None:
    assert not Needs(reads=("$WS", "@path", "notes/a.txt")).beyond(Needs())
    assert not Needs(reads=("/srv/a/b",)).beyond(Needs(writes=("/srv/a",)))
    assert Needs(reads=("/etc/passwd",)).beyond(Needs()).lines() == ["read /etc/passwd"]


def test_a_manifest_is_read_whole() -> None:
    pack = Pack.parse(WHOLE)
    assert (pack.name, pack.version, pack.kt, pack.license) == ("kt-pond", "1.0", ">=0.1,<1", "MIT")
    assert pack.needs == Needs(net=("pond.example",))
    assert pack.provides == (Provided("creature", "frog"),)
    assert Pack.from_dict(pack.table()) == pack
    assert normal("Kt_Pond.X") == "kt-pond-x"


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("[pack]", "[pack", "broken TOML"),
        ('name = "kt-pond"\n', "", "pack.name is missing"),
        ('"kt-pond"', '"-bad-"', "no name of a distribution"),
        ("license", "licence", "unknown key pack.licence"),
        ('"MIT"', "3", "pack.license must be one line"),
        ('["frog"]', '"frog"', "pack.keywords must be a list"),
        ('"A frog"', '"A\\u001b[31m frog"', "pack.description must be one line"),
        ("[needs]", "[need]", "unknown table 'need'"),
        ("net =", "network =", "unknown need 'network'"),
        ('["pond.example"]', '"pond.example"', "needs.net must be a list"),
        ('kind = "creature"\n', "", "each of `provides`"),
        ('name = "frog"', 'name = "frog"\npath = "x"', "each of `provides`"),
    ],
)
def test_what_is_wrong_in_a_manifest_is_named(old: str, new: str, says: str) -> None:
    with pytest.raises(DataError) as raised:
        Pack.parse(WHOLE.replace(old, new, 1), where="here")
    assert says in raised.value.what
    assert raised.value.where == "here"


@given(st.text() | st.just(WHOLE).flatmap(lambda t: st.integers(0, len(t)).map(lambda n: t[:n] + "\x00" + t[n:])))
def test_any_other_text_is_a_data_error(text: str) -> None:
    try:
        Pack.parse(text)
    except DataError:
        pass


def test_the_schema_has_every_key_and_takes_what_the_loader_takes() -> None:
    made = schema.pack()
    jsonschema.Draft202012Validator.check_schema(made)
    check = jsonschema.Draft202012Validator(made).is_valid
    assert check(Pack.parse(WHOLE).table())
    assert set(made["properties"]["needs"]["properties"]) == set(KINDS)
    assert not check({"pack": {"name": "x"}})
    assert not check({**Pack.parse(WHOLE).table(), "more": 1})
