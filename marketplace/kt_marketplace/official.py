"""The names of the official packs: those of the index that comes with this distribution."""

from functools import cache

PRODUCT = ("kt-core", "kterrarium")
"""What is no pack, and ours."""


@cache
def names() -> frozenset[str]:
    from .index.sources import official

    document = official().document
    return frozenset({*PRODUCT, *(document.packs if document is not None else ())})
