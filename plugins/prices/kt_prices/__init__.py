"""What a call cost, from a price table that works offline."""

from typing import TYPE_CHECKING

from kt import hookimpl

if TYPE_CHECKING:
    from kt import Registry


@hookimpl
def kt_register(registry: "Registry") -> None:
    registry.plugin("prices", "kt_prices.prices:Prices", help="what a call cost, from a price table that works offline")
    registry.add("catalogue", "prices", "kt_prices.catalogue:Catalogue", help="models, contexts and prices")
