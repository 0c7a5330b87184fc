"""Signatures: the RFC's own, those that cryptography makes, and what must not pass for one."""

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st
from kt_marketplace.index.ed25519 import L, P, is_key, verify

VECTORS = [
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
]
"""RFC 8032, 7.1: key, message, signature."""
SMALL_ORDER = [
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
]
NOT_CANONICAL = [
    "0100000000000000000000000000000000000000000000000000000000000080",  # x is 0, and odd
    (P + 1).to_bytes(32, "little").hex(),
    (P + 4).to_bytes(32, "little").hex(),
]


@pytest.mark.parametrize(("key", "message", "signature"), VECTORS)
def test_the_signatures_of_the_rfc_hold(key: str, message: str, signature: str) -> None:
    assert verify(bytes.fromhex(key), bytes.fromhex(message), bytes.fromhex(signature))
    assert not verify(bytes.fromhex(key), bytes.fromhex(message) + b"!", bytes.fromhex(signature))


@given(secret=st.binary(min_size=32, max_size=32), message=st.binary(max_size=300), data=st.data())
def test_it_agrees_with_cryptography(secret: bytes, message: bytes, data: st.DataObject) -> None:
    private = Ed25519PrivateKey.from_private_bytes(secret)
    key, signature = private.public_key().public_bytes_raw(), private.sign(message)
    assert verify(key, message, signature)
    spoilt = bytearray(key + signature)
    spoilt[data.draw(st.integers(0, 95))] ^= 1 << data.draw(st.integers(0, 7))
    changed_key, changed = bytes(spoilt[:32]), bytes(spoilt[32:])
    assert verify(changed_key, message, changed) == theirs(changed_key, message, changed)


def theirs(key: bytes, message: bytes, signature: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except InvalidSignature:
        return False
    return True


@given(key=st.binary(max_size=40), message=st.binary(max_size=9), signature=st.binary(max_size=70))
def test_bytes_that_are_no_signature_are_refused(key: bytes, message: bytes, signature: bytes) -> None:
    assert verify(key, message, signature) is False


def test_a_second_form_of_a_signature_is_refused() -> None:
    key, message, signature = (bytes.fromhex(part) for part in VECTORS[1])
    larger = int.from_bytes(signature[32:], "little") + L
    assert not verify(key, message, signature[:32] + larger.to_bytes(32, "little"))


@pytest.mark.parametrize("key", [*SMALL_ORDER, *NOT_CANONICAL])
def test_keys_that_would_sign_anything_are_refused(key: str) -> None:
    weak = bytes.fromhex(key)
    neutral = bytes([1]) + bytes(31)
    assert not is_key(weak)
    assert not verify(weak, b"anything", neutral + bytes(32))


def test_cryptography_itself_takes_a_key_of_small_order() -> None:
    """Why it is checked here: with the neutral point as a key, one signature holds for every message."""
    neutral = bytes([1]) + bytes(31)
    assert theirs(neutral, b"anything", neutral + bytes(32))
