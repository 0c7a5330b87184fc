"""The document of an index: what it says, and that nothing else than such a document is taken for one."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kt.errors import DataError
from kt_marketplace.index import BadSignature, Document
from kt_marketplace.index.signing import SigningKey
from kt_marketplace.index.strict import DEPTH, canonical, read

from .index_world import a_file, a_pack, a_release, an_index, document, later


@pytest.fixture
def key(tmp_path: Path) -> SigningKey:
    return SigningKey.create(tmp_path / "key.pem")


def parsed(signed: Any) -> Document:
    return Document.parse(document(signed), where="it")


def test_a_document_says_what_packs_there_are(key: SigningKey) -> None:
    found = Document.parse(document(an_index(), key), where="it")
    found.verify(key.public)
    release = found.packs["kt-owl"].versions["1.0"]
    assert (found.name, found.version, found.packs["kt-owl"].publisher) == ("team", 1, "The team")
    assert (release.kt, release.needs.net, release.files[0].size) == (">=0.1,<1", ("example.org",), 7)
    assert found.packs["kt-owl"].downloads is None
    assert not found.expired()


def test_a_document_may_be_laid_out_in_any_way(key: SigningKey) -> None:
    whole = json.loads(document(an_index(publisher="Ølands ugler"), key))
    Document.parse(json.dumps(whole, indent=4, ensure_ascii=False).encode(), where="it").verify(key.public)


def test_every_change_after_signing_shows(key: SigningKey) -> None:
    whole = json.loads(document(an_index(), key))
    whole["signed"]["packs"]["kt-owl"]["versions"]["1.0"]["files"][0]["sha256"] = "0" * 64
    with pytest.raises(BadSignature, match="was changed after it was signed"):
        Document.parse(json.dumps(whole).encode(), where="it").verify(key.public)


def test_a_document_of_another_key_or_of_none_is_refused(key: SigningKey, tmp_path: Path) -> None:
    other = SigningKey.create(tmp_path / "other.pem")
    with pytest.raises(BadSignature, match="is signed by another key"):
        Document.parse(document(an_index(), other), where="it").verify(key.public)
    with pytest.raises(BadSignature, match="is not signed"):
        parsed(an_index()).verify(key.public)


def test_one_of_several_keys_is_enough(key: SigningKey, tmp_path: Path) -> None:
    other = SigningKey.create(tmp_path / "other.pem")
    Document.parse(document(an_index(), other, key), where="it").verify(key.public)


def with_pack(**more: Any) -> dict[str, Any]:
    return an_index(packs={"kt-owl": a_pack(**more)})


def with_release(**more: Any) -> dict[str, Any]:
    return with_pack(versions={"1.0": a_release(**more)})


def with_file(**more: Any) -> dict[str, Any]:
    return with_release(files=[{**a_file(), **more}])


def without(table: dict[str, Any], key: str) -> dict[str, Any]:
    return {k: v for k, v in table.items() if k != key}


WRONG = {
    "format of the future": (an_index(format=2), "format 2 is newer", "signed.format"),
    "unknown key": (an_index(extra=1), "unknown key 'extra'", "signed"),
    "no version": (without(an_index(), "version"), "is missing", "signed.version"),
    "version 0": (an_index(version=0), "whole number", "signed.version"),
    "version of true": (an_index(version=True), "whole number", "signed.version"),
    "no time": (an_index(expires="soon"), "is no time", "signed.expires"),
    "time elsewhere": (an_index(created="2026-01-01T00:00:00+02:00"), "is no time", "signed.created"),
    "31st of June": (an_index(created="2026-06-31T00:00:00Z"), "is no time", "signed.created"),
    "name of a path": (an_index(name="../team"), "is no name", "signed.name"),
    "pack not in normal form": (an_index(packs={"Kt_Owl": a_pack()}), "is no name", "signed.packs"),
    "homepage of script": (with_pack(homepage="javascript:alert(1)"), "address of the web", "packs.kt-owl.homepage"),
    "downloads made up": (with_pack(downloads="many"), "whole number", "packs.kt-owl.downloads"),
    "no version at all": (with_pack(versions={"new": a_release()}), "is no version", "versions.new"),
    "version twice": (with_pack(versions={"1.0": a_release(files=[]), "1.0.0": a_release(files=[])}), "twice", "1.0.0"),
    "range": (with_release(kt="new"), "no range", "versions.1.0.kt"),
    "unknown need": (with_release(needs={"moon": ["*"]}), "unknown need", "versions.1.0.needs"),
    "requirement by address": (with_release(requires=["x @ https://x.org/x.whl"]), "by name", "versions.1.0.requires"),
    "release of no day": (with_release(released="yesterday"), "is no time", "versions.1.0.released"),
    "provides": (with_release(provides=["tool"]), "must be an object", "versions.1.0.provides[0]"),
    "no digest": (with_release(files=[without(a_file(), "sha256")]), "is missing", "files[0].sha256"),
    "weak digest": (with_file(sha256="d41d8cd98f00b204e9800998ecf8427e"), "SHA-256", "files[0].sha256"),
    "no size": (with_release(files=[without(a_file(), "size")]), "is missing", "files[0].size"),
    "size 0": (with_file(size=0), "whole number", "files[0].size"),
    "too large": (with_file(size=10**12), "at most", "files[0].size"),
    "up": (with_file(url="../kt_owl-1.0-py3-none-any.whl"), "beneath the document", "files[0].url"),
    "absolute": (with_file(url="/etc/passwd"), "beneath the document", "files[0].url"),
    "file": (with_file(url="file:///etc/passwd"), "beneath the document", "files[0].url"),
    "http": (with_file(url="http://example.org/x.whl"), "https", "files[0].url"),
    "an sdist": (with_file(name="kt-owl-1.0.tar.gz"), "no name of a wheel", "files[0].name"),
    "another's wheel": (with_file(name="kt_cat-1.0-py3-none-any.whl"), "no wheel of kt-owl 1.0", "files[0].name"),
    "another version's": (with_file(name="kt_owl-2.0-py3-none-any.whl"), "no wheel of kt-owl 1.0", "files[0].name"),
    "what steers a terminal": (with_pack(description="\x1b[2J"), "don't show", "packs.kt-owl.description"),
    "what turns text round": (with_pack(description="a\u202eb"), "don't show", "packs.kt-owl.description"),
    "two lines": (with_pack(description="a\nb"), "don't show", "packs.kt-owl.description"),
    "half a character": (with_pack(description="\ud800"), "don't show", "packs.kt-owl.description"),
    "another normal form": (with_pack(description="e\u0301"), "NFC", "packs.kt-owl.description"),
    "a key that does not show": (an_index(packs={"kt-\x1bowl": {}}), "don't show", "signed.packs"),
    "a long text": (with_pack(description="a" * 5000), "4096", "packs.kt-owl.description"),
    "many keywords": (with_pack(keywords=["a"] * 101), "at most 100", "packs.kt-owl.keywords"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_index_is_refused_with_its_place(name: str) -> None:
    signed, says, place = WRONG[name]
    with pytest.raises(DataError) as raised:
        parsed(signed)
    assert says in raised.value.what
    assert place in raised.value.where
    assert raised.value.exit_code == 65


SPOILT: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "no JSON": (lambda data: data[:-1], "no strict JSON"),
    "no UTF-8": (lambda data: data.replace(b"Owls", b"\xff\xfe"), "no strict JSON"),
    "a key twice": (
        lambda data: data.replace(b'"version": 1,', b'"version": 1, "version": 2,'),
        "stands twice",
    ),
    "a fraction": (lambda data: data.replace(b'"version": 1,', b'"version": 1.0,'), "no whole number"),
    "no number": (lambda data: data.replace(b'"version": 1,', b'"version": NaN,'), "no whole number"),
    "a list": (lambda data: b"[]", "must be an object"),
    "too deep": (lambda data: b"[" * 20_000 + b"]" * 20_000, "nested too deep"),
    "rather deep": (lambda data: b"[" * (DEPTH + 2) + b"]" * (DEPTH + 2), "nested too deep"),
    "huge": (lambda data: data + b" " * (32 << 20), "larger than 32 MiB"),
    "key of no signature": (
        lambda data: data.replace(b'"signatures": [', b'"signatures": [{"key": "AAAA"}'),
        "32 bytes",
    ),
}


@pytest.mark.parametrize("name", SPOILT)
def test_bytes_that_are_no_strict_json_are_refused(name: str) -> None:
    spoil, says = SPOILT[name]
    with pytest.raises(DataError, match=says):
        Document.parse(spoil(document(an_index())), where="it")


@given(st.binary(max_size=200) | st.recursive(st.none() | st.text() | st.integers(), st.lists).map(str).map(str.encode))
def test_no_bytes_raise_anything_else(data: bytes) -> None:
    with pytest.raises(DataError):
        Document.parse(data, where="it")


json_values = st.recursive(
    st.booleans() | st.integers(-(2**53), 2**53) | st.text(st.characters(categories=["L", "N"]), max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abcø", max_size=4), inner, max_size=4),
    max_leaves=12,
)


@given(json_values)
def test_the_canonical_form_is_one_and_reads_as_what_it_was(value: Any) -> None:
    form = canonical(value)
    again = json.loads(json.dumps(value, indent=2))
    assert canonical(again) == form
    assert json.loads(form) == value
    assert form.isascii()


def test_the_canonical_form_is_what_the_docs_say() -> None:
    assert canonical({"b": [1, True, None], "a": "ø"}) == b'{"a":"\\u00f8","b":[1,true,null]}'
    assert read(b'{"a": [1]}', where="it") == {"a": [1]}


def test_a_document_expires() -> None:
    assert parsed(an_index(expires=later(-1))).expired()
