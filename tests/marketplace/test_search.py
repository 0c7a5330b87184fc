"""Search: which packs are found, in which order, and what is said of them."""

from typing import Any

import pytest
from kt_marketplace.index import Document, Source
from kt_marketplace.index.search import Result, search
from kt_marketplace.index.sources import official

from .index_world import a_pack, a_release, an_index, document


def source(name: str = "team", **packs: Any) -> Source:
    signed = an_index(name=name, packs={key.replace("_", "-"): pack for key, pack in packs.items()})
    return Source(name=name, address="", origin="added", document=Document.parse(document(signed), where="it"))


def pack(description: str = "It is", *, provides: str = "tool:x", hooks: list[str] | None = None, **more: Any) -> Any:
    kind, _, name = provides.partition(":")
    release = a_release(provides=[{"kind": kind, "name": name}], hooks=hooks or [], needs={}, files=[])
    return a_pack(**{"keywords": [], "versions": {"1.0": release}, "description": description, **more})


TEAM = source(
    kt_owl=pack("Birds"),
    owlery=pack("A house"),
    snowy_owl=pack("White"),
    kt_birds=pack("Fly", keywords=["Owl"]),
    kt_night=pack("Dark", provides="creature:owl"),
    kt_barn=pack("Where an owl lives"),
    kt_hooks=pack("Catches", hooks=["kt_around_owl"]),
    kt_fish=pack("Swims"),
)


def names(*words: str, sources: list[Source] | None = None, **more: Any) -> list[str]:
    found = search(" ".join(words), sources=sources or [TEAM], installed=more.pop("installed", {}), **more)
    return [result.name for result in found]


def test_the_best_place_comes_first() -> None:
    found = search("OWL", sources=[TEAM], installed={})
    assert [(r.name, r.matched) for r in found] == [
        ("kt-owl", ("name",)),
        ("owlery", ("beginning of the name",)),
        ("snowy-owl", ("word of the name",)),
        ("kt-birds", ("keyword",)),
        ("kt-night", ("provides",)),
        ("kt-barn", ("description",)),
        ("kt-hooks", ("hook",)),
    ]


def test_each_word_must_be_there() -> None:
    assert names("owl", "lives") == ["kt-barn"]
    assert names("owl", "swims") == []


def test_no_word_finds_all_by_name_and_the_order_never_changes() -> None:
    both = [TEAM, source("crowd", kt_fish=pack())]
    assert names(sources=both) == sorted([*TEAM.document.packs, "kt-fish"])  # type: ignore[union-attr]
    assert [r.source for r in search("fish", sources=both, installed={})] == ["team", "crowd"]


def test_packs_are_found_by_what_they_provide_and_by_hooks() -> None:
    assert names(kind="creature") == ["kt-night"]
    assert names(hook="kt_around_owl") == ["kt-hooks"]
    assert names("fish", kind="creature") == []


def one(found: list[Result]) -> Result:
    (result,) = found
    return result


def test_the_newest_version_that_is_not_withdrawn_is_shown() -> None:
    versions = {v: a_release(files=[], provides=[]) for v in ("1.9", "1.10")}
    versions["2.0"] = a_release(files=[], yanked="no")
    team = source(kt_owl=a_pack(versions=versions, downloads=7), kt_none=a_pack(versions={}))
    found = one(search("", sources=[team], installed={"kt-owl": "1.9"}))
    assert (found.version, found.kinds, found.downloads, found.installed) == ("1.10", (), 7, "1.9")
    assert found.needs == ("reach example.org",)
    assert (found.publisher, found.source) == ("The team", "team")


@pytest.mark.parametrize(
    ("name", "warning"),
    [("kt-biomee", "kt-biome"), ("kt-b1ome", "kt-biome"), ("my-owls", "my-owl"), ("my-fish", ""), ("kt-biome", "")],
)
def test_a_name_like_a_known_one_is_warned_of(name: str, warning: str) -> None:
    team = source(**{name: pack()})
    found = one(search(name, sources=[team], installed={"my-owl": "1"}))
    assert found.warning == (f"easily mistaken for {warning}" if warning else "")


def test_the_official_packs_are_found() -> None:
    found = search("biome", sources=[official()])
    assert (found[0].name, found[0].source, "creature" in found[0].kinds) == ("kt-biome", "official", True)
    assert found[0].installed
    assert found[0].downloads is None


def test_a_source_without_document_has_nothing() -> None:
    assert names("owl", sources=[Source(name="team", address="", origin="added")]) == []
