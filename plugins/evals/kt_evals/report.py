"""What a batch is told as: a table for people, one JSON object for programs."""

from collections.abc import Iterator
from typing import Any

from kt import KTError, encode

from .batch import Batch
from .play import Report
from .stage import Stage

HEAD = ("task", "result", "model calls", "tokens", "USD", "seconds")


def lines(batch: Batch, *, repeated: bool) -> Iterator[str]:
    """Yield a table of the runs, why those failed that did, and what they come to."""
    rows = [HEAD, *(_row(report, repeated) for report in batch.reports)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    reports: list[Report | None] = [None, *batch.reports]
    for row, report in zip(rows, reports, strict=True):
        cells = [cell.ljust(w) if n < 2 else cell.rjust(w) for n, (cell, w) in enumerate(zip(row, widths, strict=True))]
        yield "  ".join(cells).rstrip()
        if report is not None and not report.passed:
            yield from (f"  {line}" for line in _faults(report))
    yield _sum(batch)


def _row(report: Report, repeated: bool) -> tuple[str, ...]:
    name = f"{report.task} #{report.number}" if repeated else report.task
    result = "passed" if report.passed else "failed"
    used = report.watched
    return name, result, str(len(used.replies)), f"{used.tokens:,}", _usd(used.cost), f"{report.seconds:.1f}"


def _usd(cost: float | None) -> str:
    return "-" if cost is None else f"{cost:.4f}"


def _faults(report: Report) -> Iterator[str]:
    """Yield why a run failed: how its turn ended, each check that fails, and where its transcript is."""
    if report.status != "ok":
        yield f"the turn ended with status {report.status}" + (f": {report.error}" if report.error else "")
    for verdict in report.verdicts:
        if verdict.why:
            yield f"{verdict.judge}: {verdict.why}"
    if report.session is not None:
        yield f"kt sessions show {report.session}"


def _sum(batch: Batch) -> str:
    reports = batch.reports
    passed = sum(report.passed for report in reports)
    runs = f"{len(reports)} run" + ("" if len(reports) == 1 else "s")
    costs = [report.watched.cost for report in reports]
    known = [cost for cost in costs if cost is not None]
    cost = f", {sum(known):.4f} USD" if known and len(known) == len(costs) else ""
    tokens, seconds = sum(r.watched.tokens for r in reports), sum(r.seconds for r in reports)
    return f"{runs}: {passed} passed, {len(reports) - passed} failed; {tokens:,} tokens{cost}, {seconds:.1f} s"


def as_json(stage: Stage, batch: Batch) -> dict[str, Any]:
    """Return a batch as JSON data; `usd` is null where a cost is unknown."""
    passed = sum(report.passed for report in batch.reports)
    return {
        "creature": stage.reference,
        "model": next((report.model for report in batch.reports), None),
        "passed": passed,
        "failed": len(batch.reports) - passed,
        "runs": [_run(report) for report in batch.reports],
        "error": _error(batch.error),
    }


def _run(report: Report) -> dict[str, Any]:
    used = report.watched
    return {
        "task": report.task,
        "number": report.number,
        "passed": report.passed,
        "status": report.status,
        "checks": [
            {"check": v.judge.given, "where": v.judge.where, "passed": not v.why, "why": v.why}
            for v in report.verdicts
        ],
        "answer": report.answer,
        "model_calls": len(used.replies),
        "tokens": used.tokens,
        "usd": used.cost,
        "seconds": round(report.seconds, 3),
        "calls": [{"tool": call.name, "arguments": call.arguments} for call in used.calls],
        "questions": [encode(question) for question in used.questions],
        "session": report.session,
        "error": _error(report.error),
    }  # fmt: skip


def _error(error: KTError | None) -> dict[str, Any] | None:
    if error is None:
        return None
    return {"code": error.code, "message": error.what, "where": error.where, "hint": error.hint}
