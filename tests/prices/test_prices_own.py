"""Prices of one's own go before the table's; only they can make something free."""

from typing import Any

import pytest
from kt import Usage
from kt_prices.own import OwnPrice

USAGE = Usage(1000, 100, cached=500, cache_write=200)


def test_every_sort_of_token_has_its_price() -> None:
    own = OwnPrice(input=10, output=20, cached=1, cache_write=12)
    assert own.cost(USAGE) == pytest.approx((300 * 10 + 500 * 1 + 200 * 12 + 100 * 20) / 1e6)


def test_what_is_cached_costs_as_much_as_input_where_nothing_else_is_said() -> None:
    assert OwnPrice(input=10, output=20).cost(USAGE) == pytest.approx((1000 * 10 + 100 * 20) / 1e6)


def test_free_must_be_said() -> None:
    assert OwnPrice(input=0, output=0).cost(USAGE) == 0.0
    assert OwnPrice(input=0).cost(USAGE) is None
    assert OwnPrice(input=0).cost(Usage(1000)) == 0.0
    assert OwnPrice(output=1).cost(USAGE) is None
    assert OwnPrice().cost(USAGE) is None
    assert not OwnPrice(context=4096).priced


def test_counts_that_contradict_each_other_have_no_cost() -> None:
    assert OwnPrice(input=1, output=1).cost(Usage(10, 1, cached=20)) is None


@pytest.mark.parametrize("value", [-1.0, float("nan"), float("inf")])
def test_what_is_no_price_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="is no price"):
        OwnPrice(input=value)
