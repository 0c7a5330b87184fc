"""The names of the official packs: those of the index that comes with this distribution."""

import json
from functools import cache
from pathlib import Path

PRODUCT = ("kt-core", "kterrarium")
"""What is no pack, and ours."""


@cache
def names() -> frozenset[str]:
    file = Path(__file__).parent / "data" / "index.json"
    return frozenset({*PRODUCT, *json.loads(file.read_text(encoding="utf-8"))["signed"]["packs"]})
