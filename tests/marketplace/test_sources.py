"""Sources: what is taken from them, what is refused, and that what was accepted before stays."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kt.errors import ConfigError, DataError, KTError, NotFound, UsageError
from kt_marketplace.index import Ambiguous, BadSignature, IndexRefused, Source, Sources, choose
from kt_marketplace.index.document import text_of
from kt_marketplace.index.signing import SigningKey
from kt_marketplace.index.source import addressed
from packaging.specifiers import SpecifierSet

from .index_world import Web, a_pack, a_release, an_index, document, later, says, write_index

PATH = "/index.json"


@pytest.fixture
def keys(tmp_path: Path) -> tuple[SigningKey, SigningKey]:
    return SigningKey.create(tmp_path / "key.pem"), SigningKey.create(tmp_path / "other.pem")


@pytest.fixture
def key(keys: tuple[SigningKey, SigningKey]) -> SigningKey:
    return keys[0]


@pytest.fixture
def web() -> Iterator[Web]:
    with Web().running() as web:
        yield web


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "home" / "marketplace"


def sources(state: Path, index: str = "", **more: Any) -> Sources:
    return Sources(state, environment={"KT_INDEX": index}, **more)


@pytest.fixture
def added(state: Path, web: Web, key: SigningKey) -> Source:
    """Add the source `team` at version 5 of the loopback server."""
    web.pages[PATH] = says(document(an_index(version=5), key))
    mine = sources(state)
    return mine.add(mine.offer(web.address + PATH))


def test_a_folder_of_the_environment_need_not_be_signed_but_its_signature_must_hold(
    state: Path, key: SigningKey, tmp_path: Path
) -> None:
    folder = write_index(tmp_path / "team", an_index())
    assert sources(state, str(folder)).get("team").key is None
    write_index(folder, an_index(), key)
    assert sources(state, str(folder)).get("team").key == key.public
    file = folder / "index.json"
    file.write_text(file.read_text().replace("team", "teem"))
    (broken, *_) = sources(state, str(folder))
    assert isinstance(broken.error, BadSignature)


def test_without_any_source_there_is_the_official_one(state: Path) -> None:
    (official,) = sources(state)
    assert official.usable
    assert sources(state).find("kt_biome")[0].source.name == "official"
    assert not state.exists()


def test_the_first_look_shows_a_key_and_adding_pins_it(state: Path, web: Web, key: SigningKey) -> None:
    web.pages[PATH] = says(document(an_index(), key))
    mine = sources(state)
    offer = mine.offer(web.address + PATH)
    assert (offer.key, offer.pinned) == (key.public, False)
    assert [s.name for s in mine] == ["official"]
    mine.add(offer)
    team = sources(state).get("team")
    assert (team.key, team.usable, team.document and team.document.version) == (key.public, True, 1)
    assert len(team.fingerprint.split()) == 16


def test_what_is_kept_is_its_owners_alone_and_is_read_without_asking(state: Path, web: Web, added: Source) -> None:
    assert sorted(f.name for f in state.iterdir()) == ["sources.json", "team.json"]
    assert {f.stat().st_mode & 0o777 for f in state.iterdir()} == {0o600}
    asked = len(web.asked)
    assert sources(state).find("kt-owl", source="team")[0].versions == ("1.0",)
    assert len(web.asked) == asked


def test_a_key_given_before_must_be_the_one(state: Path, web: Web, keys: tuple[SigningKey, SigningKey]) -> None:
    web.pages[PATH] = says(document(an_index(), keys[0]))
    right, wrong = (text_of(k.public) for k in keys)
    mine = sources(state)
    assert mine.offer(web.address + PATH, right).pinned
    assert mine.offer(f"{web.address}{PATH}#ed25519={right}").pinned
    with pytest.raises(BadSignature, match="another key") as raised:
        mine.offer(web.address + PATH, wrong)
    assert raised.value.exit_code == 77
    with pytest.raises(UsageError, match="two different keys"):
        mine.offer(f"{web.address}{PATH}#ed25519={right}", wrong)
    with pytest.raises(DataError, match="32 bytes"):
        mine.offer(web.address + PATH, "AAAA")
    with pytest.raises(DataError, match="no Ed25519 key"):
        mine.offer(web.address + PATH, text_of(bytes([1]) + bytes(31)))


def test_what_comes_over_a_network_must_be_signed_a_folder_need_not(state: Path, web: Web, tmp_path: Path) -> None:
    web.pages[PATH] = says(document(an_index()))
    mine = sources(state)
    with pytest.raises(BadSignature, match="is not signed"):
        mine.offer(web.address + PATH)
    folder = write_index(tmp_path / "team", an_index())
    assert mine.add(mine.offer(str(folder))).usable
    assert sources(state).get("team").key is None


@pytest.mark.parametrize("name", ["official", "sources", "../up", "A", "x y", ""])
def test_names_that_a_source_cannot_have(state: Path, tmp_path: Path, name: str) -> None:
    mine = sources(state)
    offer = mine.offer(str(write_index(tmp_path / "team", an_index(name="official"))))
    with pytest.raises(UsageError, match="can't be called"):
        mine.add(offer, name=name)
    assert not state.exists()


def test_a_name_is_taken_once(state: Path, web: Web, added: Source) -> None:
    mine = sources(state)
    with pytest.raises(UsageError, match="there is a source 'team'"):
        mine.add(mine.offer(web.address + PATH))
    assert mine.add(mine.offer(web.address + PATH), name="again").name == "again"


def test_a_removed_source_is_gone(state: Path, added: Source) -> None:
    mine = sources(state)
    mine.remove("team")
    assert [s.name for s in sources(state)] == ["official"]
    assert not (state / "team.json").exists()
    with pytest.raises(NotFound, match="no source named 'team'"):
        mine.remove("team")
    with pytest.raises(UsageError, match="was not added"):
        mine.remove("official")


def test_refreshing_takes_a_newer_index(state: Path, web: Web, key: SigningKey, added: Source) -> None:
    packs = {"kt-owl": a_pack(), "kt-hawk": a_pack(versions={})}
    web.pages[PATH] = says(document(an_index(version=6, packs=packs), key))
    assert sources(state).refresh("team").document.version == 6  # type: ignore[union-attr]
    assert sources(state).find("kt-hawk")[0].source.name == "team"


def test_the_same_index_may_come_again(state: Path, web: Web, key: SigningKey) -> None:
    signed = an_index()
    web.pages[PATH] = says(document(signed, key))
    mine = sources(state)
    mine.add(mine.offer(web.address + PATH))
    web.pages[PATH] = says(json.dumps(json.loads(document(signed, key)), indent=2).encode())
    assert mine.refresh("team").usable


def tampered(data: bytes) -> bytes:
    return data.replace(b"Owls for agents", b"Cats for agents")


ATTACKS: dict[str, tuple[dict[str, Any], str, type[KTError], str]] = {
    "changed": ({"version": 6}, "tamper", BadSignature, "was changed"),
    "signed by another": ({"version": 6}, "other key", BadSignature, "another key"),
    "not signed": ({"version": 6}, "no key", BadSignature, "is not signed"),
    "an old one": ({"version": 4}, "", IndexRefused, "went back from version 5 to 4"),
    "another of the same version": ({"version": 5, "publisher": "Somebody"}, "", IndexRefused, "two different indexes"),
    "expired": ({"version": 6, "expires": later(-1)}, "", IndexRefused, "expired on"),
    "another index": ({"version": 6, "name": "crowd"}, "", IndexRefused, "calls itself 'crowd' now"),
    "a file without digest": (
        {"version": 6, "packs": {"kt-owl": a_pack(versions={"1.0": a_release(files=[{"name": "x"}])})}}, "",
        IndexRefused, "is missing",
    ),
}  # fmt: skip


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_is_refused_and_what_was_accepted_stays(
    state: Path, web: Web, keys: tuple[SigningKey, SigningKey], added: Source, attack: str
) -> None:
    more, how, error, text = ATTACKS[attack]
    before = (state / "team.json").read_bytes()
    data = document(an_index(**more), *{"other key": keys[1:], "no key": ()}.get(how, keys[:1]))
    web.pages[PATH] = says(tampered(data) if how == "tamper" else data)
    with pytest.raises(error, match=text) as raised:
        sources(state).refresh("team")
    assert raised.value.exit_code == (77 if error is BadSignature else 65)
    assert (state / "team.json").read_bytes() == before
    assert sources(state).find("kt-owl")[0].source.usable


@pytest.mark.parametrize("data", [b'{"signed": {}, "signed": {}}', b" " * ((32 << 20) + 1), b"<html>"])
def test_what_is_no_index_does_not_replace_one(state: Path, web: Web, added: Source, data: bytes) -> None:
    web.pages[PATH] = says(data)
    with pytest.raises(DataError):
        sources(state).refresh("team")
    assert sources(state).get("team").usable


def test_a_server_that_is_down_leaves_the_cache(state: Path, web: Web, added: Source) -> None:
    web.pages[PATH] = says(b"", 503)
    with pytest.raises(KTError, match="answered 503") as raised:
        sources(state).refresh("team")
    assert (raised.value.exit_code, "can be searched" in raised.value.hint) == (69, True)
    assert sources(state).find("kt-owl")[0].source.usable


def test_offline_nothing_is_asked(state: Path, web: Web, added: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KT_OFFLINE", "1")
    asked = len(web.asked)
    with pytest.raises(KTError, match="KT_OFFLINE") as raised:
        sources(state).refresh("team")
    assert raised.value.exit_code == 69
    assert sources(state).find("kt-owl")[0].source.usable
    assert len(web.asked) == asked


def expire(state: Path, key: SigningKey) -> None:
    (state / "team.json").write_bytes(document(an_index(version=5, expires=later(-1)), key))


def test_of_an_index_that_expired_nothing_is_installed(state: Path, key: SigningKey, added: Source) -> None:
    expire(state, key)
    found = sources(state).find("kt-owl")
    assert not found[0].source.usable
    assert "expired on" in found[0].source.remark()
    with pytest.raises(IndexRefused, match="expired on"):
        choose(found, SpecifierSet(), "0.1.0")


def test_a_kept_index_that_was_changed_counts_as_none(state: Path, added: Source) -> None:
    (state / "team.json").write_bytes(tampered((state / "team.json").read_bytes()))
    assert "spoilt" in sources(state).get("team").remark()
    with pytest.raises(IndexRefused, match="was changed after it was signed"):
        sources(state).find("kt-biome")


def test_a_list_of_sources_that_is_broken_is_an_error(state: Path, added: Source) -> None:
    (state / "sources.json").write_text('{"sources": [{"name": "team"}]}')
    with pytest.raises(DataError, match="is missing"):
        list(sources(state))


def test_kt_index_names_sources_that_come_first(state: Path, web: Web, added: Source, tmp_path: Path) -> None:
    mirror = write_index(tmp_path / "mirror", an_index(name="mirror", packs={"kt-biome": a_pack(versions={})}))
    mine = sources(state, f"{mirror}\n")
    assert [s.name for s in mine] == ["mirror", "team", "official"]
    assert mine.find("kt-biome")[0].source.origin == "environment"
    assert mine.find("kt-biome", source="official")[0].source.name == "official"


def test_the_key_of_kt_index_is_pinned(state: Path, web: Web, keys: tuple[SigningKey, SigningKey]) -> None:
    web.pages[PATH] = says(document(an_index(), keys[0]))
    right, wrong = (f"{web.address}{PATH}#ed25519={text_of(k.public)}" for k in keys)
    assert sources(state, right).find("kt-owl")[0].source.name == "team"
    with pytest.raises(BadSignature, match="another key"):
        sources(state, wrong).find("kt-owl")
    assert sources(state, right).find("kt-owl")


def test_without_a_pin_kt_index_keeps_to_the_key_it_saw_first(
    state: Path, web: Web, keys: tuple[SigningKey, SigningKey]
) -> None:
    web.pages[PATH] = says(document(an_index(), keys[0]))
    index = web.address + PATH
    assert sources(state, index).find("kt-owl")
    web.pages[PATH] = says(document(an_index(version=2), keys[1]))
    with pytest.raises(BadSignature, match="another key"):
        sources(state, index).refresh("team")
    assert sources(state, index).find("kt-owl")


def test_a_source_of_kt_index_that_is_down_is_no_reason_to_look_elsewhere(state: Path, web: Web) -> None:
    mine = sources(state, web.address + PATH)
    assert "404" in mine.get("index1").remark()
    with pytest.raises(KTError, match="answered 404"):
        mine.find("kt-biome")


def test_a_pack_of_two_sources_is_not_guessed(state: Path, added: Source, tmp_path: Path) -> None:
    mine = sources(state)
    mine.add(mine.offer(str(write_index(tmp_path / "crowd", an_index(name="crowd")))))
    with pytest.raises(Ambiguous, match="kt-owl is in the sources team and crowd") as raised:
        choose(mine.find("kt-owl"), SpecifierSet(), "0.1.0")
    assert raised.value.exit_code == 78
    assert "kt install @crowd/kt-owl" in raised.value.hint
    assert choose(mine.find("kt-owl", source="crowd"), SpecifierSet(), "0.1.0").source.name == "crowd"


def test_who_has_no_such_pack_names_those_it_is_mistaken_for(state: Path, added: Source) -> None:
    mine = sources(state)
    assert mine.find("kt-0wl") == mine.find("kt-biome", source="team") == []
    error = mine.not_found("kt-0wl")
    assert (str(error), error.hint) == ("no source has a pack 'kt-0wl'", "is kt-owl meant?")
    assert "kt-websearch" in mine.not_found("web-search-engines").hint


VERSIONS = {
    "1.0": a_release(files=[]),
    "1.5": a_release(files=[], yanked="it hoots by day"),
    "2.0": a_release(files=[], kt=">=0.5"),
    "2.1rc1": a_release(files=[]),
    "1.10": a_release(files=[]),
    "1.9": a_release(files=[]),
}


@pytest.fixture
def many(state: Path, tmp_path: Path) -> Sources:
    mine = sources(state)
    folder = write_index(tmp_path / "team", an_index(packs={"kt-owl": a_pack(versions=VERSIONS)}))
    mine.add(mine.offer(str(folder)))
    return mine


@pytest.mark.parametrize(
    ("wanted", "kernel", "version"),
    [
        ("", "0.1.0", "1.10"),
        ("", "0.6", "2.0"),
        ("<1.10", "0.1.0", "1.9"),
        ("<1.9", "0.1.0", "1.0"),
        (">=2.1rc1", "0.1.0", "2.1rc1"),
        ("==1.5", "0.1.0", "1.5"),
        ("==1.*,<1.10", "0.1.0", "1.9"),
    ],
)
def test_the_newest_version_that_fits_is_chosen(many: Sources, wanted: str, kernel: str, version: str) -> None:
    choice = choose(many.find("kt-owl"), SpecifierSet(wanted), kernel)
    assert choice.version == version
    assert choice.asks == (("kt-owl 1.5 was withdrawn: it hoots by day",) if version == "1.5" else ())


@pytest.mark.parametrize(
    ("wanted", "kernel", "error", "text"),
    [
        ("==2.0", "0.1.0", ConfigError, r"kt-owl 2.0 needs kt-core >=0.5, and this is 0.1.0"),
        ("", "0.0.1", ConfigError, "and this is 0.0.1"),
        (">9", "0.1.0", NotFound, "team has no kt-owl>9"),
        (">1.0,<1.9", "0.1.0", NotFound, "kt-owl 1.5 was withdrawn: it hoots by day"),
    ],
)
def test_what_does_not_fit_is_not_chosen(
    many: Sources, wanted: str, kernel: str, error: type[KTError], text: str
) -> None:
    with pytest.raises(error, match=text):
        choose(many.find("kt-owl"), SpecifierSet(wanted), kernel)


def test_versions_are_sorted_and_files_have_whole_addresses(
    many: Sources, web: Web, key: SigningKey, tmp_path: Path
) -> None:
    assert many.find("kt-owl")[0].versions == ("2.1rc1", "2.0", "1.10", "1.9", "1.5", "1.0")
    web.pages["/deep/index.json"] = says(document(an_index(), key))
    many.add(many.offer(f"{web.address}/deep/"), name="deep")
    (file,) = choose(many.find("kt-owl", source="deep"), SpecifierSet(), "0.1.0").files
    assert file.url == f"{web.address}/deep/wheels/kt_owl-1.0-py3-none-any.whl"
    many.add(many.offer(str(write_index(tmp_path / "near", an_index()))), name="near")
    (file,) = choose(many.find("kt-owl", source="near"), SpecifierSet(), "0.1.0").files
    assert file.url == (tmp_path / "near/wheels/kt_owl-1.0-py3-none-any.whl").as_uri()


def test_a_list_is_written_whole_or_not_at_all(state: Path, added: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    before = (state / "sources.json").read_bytes()
    monkeypatch.setattr(os, "fsync", _full)
    with pytest.raises(OSError, match="no space"):
        sources(state).store.write([])
    assert (state / "sources.json").read_bytes() == before
    assert sorted(f.name for f in state.iterdir()) == ["sources.json", "team.json"]


def _full(handle: int) -> None:
    raise OSError(28, "no space")


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("http://127.0.0.1:8700", "http://127.0.0.1:8700/index.json"),
        ("https://host.example/packs", "https://host.example/packs/index.json"),
        ("https://host.example/packs/", "https://host.example/packs/index.json"),
        ("https://host.example/team.json", "https://host.example/team.json"),
        ("https://host.example/index?of=team", "https://host.example/index?of=team"),
    ],
)
def test_an_address_without_a_file_means_its_index(text: str, address: str) -> None:
    assert addressed(text) == (address, None)
