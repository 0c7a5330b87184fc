"""Verify Ed25519 signatures (RFC 8032, 5.1.7), in Python.

Why own code: `cryptography` would bring three distributions and 15 MB into every installation, and to verify touches no
secret, so that timing does not matter. To sign does: `signing` uses `cryptography`.
"""

import hashlib
from typing import TypeAlias

P = 2**255 - 19
"""The field."""
L = 2**252 + 27742317777372353535851937790883648493
"""The order of the base point."""
D = -121665 * pow(121666, -1, P) % P
ROOT_OF_MINUS_ONE = pow(2, (P - 1) // 4, P)

Point: TypeAlias = tuple[int, int, int, int]
"""x/z, y/z, z and xy/z: the extended coordinates of 5.1.4."""
NEUTRAL: Point = (0, 1, 1, 0)


def verify(key: bytes, message: bytes, signature: bytes) -> bool:
    """Tell whether a 64 byte signature is that of a message by a 32 byte key.

    Without cofactor; numbers and points must be in their one canonical form; keys of small order sign nothing.
    """
    if len(key) != 32 or len(signature) != 64:
        return False
    public, scalar = _decoded(key), int.from_bytes(signature[32:], "little")
    if public is None or scalar >= L or _is_neutral(_times(8, public)):
        return False
    challenge = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % L
    x, y, z, t = _times(challenge, public)
    return _encoded(_sum(_times(scalar, BASE), (-x, y, z, -t))) == signature[:32]


def is_key(key: bytes) -> bool:
    """Tell whether 32 bytes are a public key that signatures can be made for."""
    point = _decoded(key) if len(key) == 32 else None
    return point is not None and not _is_neutral(_times(8, point))


def _sum(one: Point, other: Point) -> Point:
    (x1, y1, z1, t1), (x2, y2, z2, t2) = one, other
    a, b = (y1 - x1) * (y2 - x2) % P, (y1 + x1) * (y2 + x2) % P
    c, d = 2 * t1 * t2 * D % P, 2 * z1 * z2 % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def _times(number: int, point: Point) -> Point:
    total = NEUTRAL
    while number:
        if number & 1:
            total = _sum(total, point)
        point, number = _sum(point, point), number >> 1
    return total


def _is_neutral(point: Point) -> bool:
    x, y, z, _ = point
    return x % P == 0 and (y - z) % P == 0


def _x_of(y: int, odd: int) -> int | None:
    """Return the x of a point (5.1.3), None where there is no such point or another form is the canonical one."""
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if x * x % P != square:
        x = x * ROOT_OF_MINUS_ONE % P
    if x * x % P != square or (x == 0 and odd):
        return None
    return x if x & 1 == odd else P - x


def _decoded(data: bytes) -> Point | None:
    number = int.from_bytes(data, "little")
    y, odd = number & (2**255 - 1), number >> 255
    x = _x_of(y, odd) if y < P else None
    return None if x is None else (x, y, 1, x * y % P)


def _encoded(point: Point) -> bytes:
    x, y, z, _ = point
    inverse = pow(z, -1, P)
    return (y * inverse % P | (x * inverse % P & 1) << 255).to_bytes(32, "little")


def _base() -> Point:
    y = 4 * pow(5, -1, P) % P
    x = _x_of(y, 0)
    assert x is not None
    return x, y, 1, x * y % P


BASE = _base()
