"""A turn's result as JSON data, the same for every way out."""

from typing import Any

from kt import KTError, TurnResult, encode


def result_data(result: TurnResult) -> dict[str, Any]:
    """Return status, text, usage, error and duration (seconds); every key is always there."""
    usage = result.usage
    counts = {"input": usage.input, "output": usage.output, "cached": usage.cached, "cache_write": usage.cache_write}
    return {
        "status": result.status.value,
        "text": result.text,
        "output": encode(result.output),
        "usage": {**counts, "reasoning": usage.reasoning, "cost": usage.cost},
        "error": None if result.error is None else error_data(result.error),
        "duration": round(result.duration, 4),
    }


def error_data(error: KTError) -> dict[str, str]:
    """Return code, message and hint of an error."""
    return {"code": error.code, "message": str(error), "hint": error.hint}
