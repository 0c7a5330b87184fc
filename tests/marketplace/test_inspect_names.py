"""Which names are taken for which."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kt_marketplace.inspect.names import confusable, distance

NAMES = st.from_regex(r"[a-z][a-z0-9-]{0,12}", fullmatch=True)


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("kt-biom", "kt-biome"),
        ("kt-boime", "kt-biome"),
        ("kt-bioome", "kt-biome"),
        ("kt-bi0me", "kt-biome"),
        ("kt-b1ome", "kt-biome"),
        ("kt-blome", "kt-biome"),
        ("kt-biorne", "kt-biome"),
        ("ktbiome", "kt-biome"),
        ("k-t-b-i-o-m-e", "kt-biome"),
        ("KT_BIOMES", "kt-biome"),
        ("kt-bіome", "kt-biome"),
        ("kt-biοme", "kt-biome"),
        ("ｋｔ-biome", "kt-biome"),
        ("kt-bíome", "kt-biome"),
        ("kt-il1", "kt-lll"),
        ("ki-o", "kt-o"),
        ("requestss", "requests"),
    ],
)
def test_alike(name: str, other: str) -> None:
    assert confusable(name, ["numpy", other, "something-else"]) == other


@pytest.mark.parametrize(
    ("name", "others"),
    [
        ("kt-biome", ["kt-biome", "kt-biomes"]),
        ("KT.Biome", ["kt_biome"]),
        ("kt-ui", ["kt-io"]),
        ("owl", ["kt-biome"]),
        ("kt-forest", ["kt-biome"]),
        ("requests", ["httpx"]),
        ("kt-biome", []),
    ],
)
def test_not_alike(name: str, others: list[str]) -> None:
    assert confusable(name, others) is None


def test_the_nearest_is_named() -> None:
    assert confusable("kt-biomee", ["kt-biomeeee", "kt-biome", "kt-biomxx"]) == "kt-biome"


@given(NAMES, NAMES)
def test_the_distance_is_symmetric_and_zero_for_equals_only(left: str, right: str) -> None:
    assert distance(left, right) == distance(right, left)
    assert (distance(left, right) == 0) == (left == right)
    assert abs(len(left) - len(right)) <= distance(left, right) <= max(len(left), len(right))


@given(NAMES, st.data())
def test_one_change_is_one_away(name: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(name) - 1))
    assert distance(name, name[:at] + name[at + 1 :]) == 1
    assert distance(name, name[:at] + "_" + name[at:]) == 1
    assert distance(name, name[:at] + "_" + name[at + 1 :]) == 1
    swapped = name[:at] + name[at : at + 2][::-1] + name[at + 2 :]
    assert distance(name, swapped) == (swapped != name)


@given(NAMES, NAMES)
def test_alike_is_the_same_both_ways(left: str, right: str) -> None:
    assert (confusable(left, [right]) is None) == (confusable(right, [left]) is None)
