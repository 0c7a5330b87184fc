"""Print what search costs over FTS5 alone: `python tests/bench/search.py [EVENTS]` (1,000,000; some minutes).

Ratios are to a floor that is measured in the same run: the same texts and queries in a table of FTS5 alone.
"""

import json
import random
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from kt_search.index import Index, index_file, with_index
from kt_search.ranks import text_ranks
from kt_search.session import open_session
from kt_search.texts import pieces_of, whole_text
from kt_search.words import TOKENIZER, indexable, terms_of
from kt_sessions.file import SessionFile

FIRST = 10_000
ROUNDS = 5
QUERIES = {
    "a word in 1 event": "needle",
    "a word in 20 events": "thread",
    "a word in 1,000 events": "sewing",
    "a word in every other event": "common",
    "two words in a row": '"common w1"',
    "the beginning of a rare word": "needl*",
}


RARE = {"a word in 1 event", "a word in 20 events", "the beginning of a rare word"}


def bodies(count: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (kind, body) of events as agents write them: about 400 bytes each, words by Zipf's law."""
    draw = random.Random(7)
    words = [f"w{n}" for n in range(20_000)]
    weights = [1 / (n + 1) for n in range(len(words))]
    pool = draw.choices(words, weights, k=400_000)
    for n in range(count):
        start = draw.randrange(len(pool) - 60)
        text = " ".join(pool[start : start + 50]) + (" common" if n % 2 else "")
        text += (
            " needle" * (n == count // 3)
            + " thread" * (n % (count // 20) == 0)
            + " sewing" * (n % (count // 1000) == 0)
        )
        if n % 3:
            call = {"kind": "tool_call", "id": f"c{n}", "name": "read", "args_text": f'{{"path": "src/{n % 97}.py"}}'}
            result = {"kind": "tool_result", "call_id": f"c{n}", "parts": [{"kind": "text", "text": text}]}
            yield "tool_ended", {"call": call, "result": result, "seconds": 0.1}
        else:
            message = {"role": "assistant", "parts": [{"kind": "text", "text": text}]}
            yield "llm_ended", {"message": message, "usage": {"input": 1000, "output": 50}, "number": n}


def session(path: Path, count: int) -> Path:
    file = SessionFile(path)
    connection = file.open()
    stream, statement = file.add_stream("swe", "agent", None)
    file.commit(connection, [statement])
    ops: list[Any] = []
    for n, (kind, body) in enumerate(bodies(count), 1):
        ops.append((stream.id, n, None, 1_700_000_000_000_000 + n, n // 50, kind, 1, body))
        if len(ops) == 10_000 or n == count:
            file.commit(connection, ops)
            ops = []
    file.close(connection)
    return path


def texts(path: Path) -> list[tuple[int, str]]:
    with open_session(path) as reader:
        return [(event.id, indexable(whole_text(event))) for event in reader.events()]


def bare(path: Path, rows: Iterable[tuple[int, str]]) -> sqlite3.Connection:
    """Return FTS5 alone, built in one transaction."""
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("pragma journal_mode = wal")
    db.execute(f"create virtual table fts using fts5(text, content='', tokenize='{TOKENIZER}')")
    db.execute("begin")
    db.executemany("insert into fts(rowid, text) values(?, ?)", rows)
    db.execute("commit")
    return db


def read(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the rows for FTS5 from the session's own table, unverified."""
    db = sqlite3.connect(path)
    for id, body in db.execute("select id, body from event order by id"):
        yield id, "\n".join(pieces_of(json.loads(body)))
    db.close()


def seconds(work: Callable[[], object], rounds: int = ROUNDS) -> float:
    spent = []
    for _ in range(rounds):
        began = time.perf_counter()
        work()
        spent.append(time.perf_counter() - began)
    return statistics.median(spent)


def first_index(folder: Path, path: Path) -> tuple[float, float]:
    """Return the ratios of a first index to a bare build that reads the session, and to one that has the texts."""
    rows = texts(path)
    spent: dict[str, list[float]] = {"read": [], "given": [], "ours": []}
    for n in range(ROUNDS):
        spent["read"].append(seconds(partial(built, folder / f"read{n}", read(path)), 1))
        spent["given"].append(seconds(partial(built, folder / f"given{n}", rows), 1))
        index_file(path).unlink(missing_ok=True)
        with open_session(path) as reader:
            spent["ours"].append(seconds(partial(with_index, reader, lambda index: index.added), 1))
    ours = statistics.median(spent["ours"])
    return ours / statistics.median(spent["read"]), ours / statistics.median(spent["given"])


def built(path: Path, rows: Iterable[tuple[int, str]]) -> None:
    bare(path, rows).close()


def queries(index: Index, db: sqlite3.Connection) -> Iterator[tuple[str, float, float, float]]:
    """Yield (what, milliseconds, ratio to bm25 of FTS5 alone, ratio to its newest first)."""
    ranked = "select rowid from fts where fts match ? order by rank limit 10"
    newest = "select rowid from fts where fts match ? order by rowid desc limit 2000"
    for what, query in QUERIES.items():
        rounds = 200 if what in RARE else 7
        match = query if query.startswith('"') or query.endswith("*") else f'"{query}"'
        terms = terms_of(query)
        ours = seconds(lambda terms=terms: text_ranks(index, terms), rounds)  # type: ignore[misc]
        floors = [
            seconds(lambda sql=sql, match=match: db.execute(sql, (match,)).fetchall(), rounds)  # type: ignore[misc]
            for sql in (ranked, newest)
        ]
        yield what, ours * 1000, ours / floors[0], ours / floors[1]


def report(index: Index, db: sqlite3.Connection) -> None:
    print("queries: ms, x bm25 of FTS5 alone, x its newest first")
    for what, spent, weighed, newest in queries(index, db):
        print(f"  {what:<30} {spent:8.2f} {weighed:8.3f} {newest:8.2f}")


def main(count: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ratios = first_index(folder, session(folder / "first.ktlog", FIRST))
        print(
            f"first index of {FIRST:,} events: {ratios[0]:.2f} x a bare build, {ratios[1]:.2f} x with the texts given"
        )
        path = session(folder / "all.ktlog", count)
        db = bare(folder / "all.bare", texts(path))
        began = time.perf_counter()
        with open_session(path) as reader:
            with_index(reader, lambda index: None)
            print(f"{count:,} events indexed in {time.perf_counter() - began:.0f} s")
            with_index(reader, lambda index: report(index, db))
        print(f"size of the index: {index_file(path).stat().st_size / path.stat().st_size:.2f} x the session")
        db.close()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
