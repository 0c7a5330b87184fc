"""The `result` object that ends every machine-readable run."""

from typing import Any

from kt import KTError, TurnResult, encode


def result_object(result: TurnResult, *, model: str) -> dict[str, Any]:
    """Return a result as JSON data; the keys are always there, `cost` is null where it is unknown."""
    return {
        "type": "result",
        "status": result.status.value,
        "text": result.text,
        "output": encode(result.output),
        "usage": {"input": result.usage.input, "output": result.usage.output, "cached": result.usage.cached,
                  "cache_write": result.usage.cache_write, "reasoning": result.usage.reasoning},
        "cost": result.usage.cost,
        "turns": result.turns,
        "tool_calls": [
            {"id": r.id, "name": r.name, "arguments": r.arguments, "result": r.result, "error": r.error,
             "duration": round(r.duration, 4)}
            for r in result.tool_calls
        ],
        "pending": [encode(q) for q in result.pending],
        "session": result.session,
        "duration": round(result.duration, 4),
        "model": model,
        "error": error_object(result.error) if result.error else None,
    }  # fmt: skip


def error_object(error: KTError) -> dict[str, Any]:
    return {"code": error.code, "message": error.what, "where": error.where, "hint": error.hint,
            "exit_code": error.exit_code}  # fmt: skip


def failure_object(error: KTError) -> dict[str, Any]:
    """Return the result object of a run that failed before its turn began."""
    from kt import Status
    from kt.errors import TurnCancelled

    status = Status.cancelled if isinstance(error, TurnCancelled) else Status.failed
    return result_object(TurnResult(status, error=error), model="")
