"""The order of what holds the words of a query: the newest first, or by weight where there are few."""

from collections.abc import Callable, Sequence

from .index import Index
from .words import Term, expression_of, readable

FRESH = 2_000
"""Where more events hold the words, the newest come first: weighing all of them would take half a second."""

POOL = 200
"""Places of a ranking that count when two are fused."""

LOOKED_AT = 500
"""Events to look at for the very characters of a query."""


def text_ranks(index: Index, terms: Sequence[Term], *, limit: int = POOL) -> list[int]:
    """Return the ids of events that hold every term, the best first.

    They are weighed by bm25 where no more than 2,000 do. Those with the very characters of a term like `C++` come
    before those that only hold its words.
    """
    if not terms:
        return []
    match = expression_of(list(terms))
    exact = [readable(term.text).lower() for term in terms if term.exact]
    newest = "select rowid from fts where fts match ? order by rowid desc limit ?"
    ids = [row[0] for row in index.db.execute(newest, (match, FRESH + 1))]
    if 1 < len(ids) <= FRESH:
        best = "select rowid from fts where fts match ? order by rank limit ?"
        ids = [row[0] for row in index.db.execute(best, (match, LOOKED_AT if exact else limit))]
    if exact:
        ids = _exact_first(ids, exact, limit, index.text)
    return ids[:limit]


def _exact_first(ids: list[int], exact: list[str], limit: int, text_of: Callable[[int], str]) -> list[int]:
    """Return the ids with those first whose text has every one of `exact`, of the first 500."""
    found: list[int] = []
    for id in ids[:LOOKED_AT]:
        text = readable(text_of(id)).lower()
        if all(words in text for words in exact):
            found.append(id)
            if len(found) == limit:
                break
    first = set(found)
    return found + [id for id in ids if id not in first]
