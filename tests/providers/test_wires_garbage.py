"""Whatever a service sends over any wire: a typed error or a message that can be sent back, never anything else."""

import json
import random
from pathlib import Path
from typing import Any

import pytest
from kt import Host, Message, Request, Text
from kt.errors import KTError
from kt_http.errors import ErrorInStream, Malformed
from kt_http.sse import SSEReader
from kt_http.wire import wire_of

DATA = Path(__file__).parents[1] / "data"
WIRES = ["chat", "responses", "anthropic", "gemini"]
ODD = [None, True, -3, 1.5, "x", [], {}, [1], {"a": 1}]


def bent(value: Any, chance: random.Random) -> Any:
    """Return a value with some of it left out or replaced."""
    if isinstance(value, dict):
        kept = {k: v for k, v in value.items() if chance.random() > 0.03}
        return {k: bent(v, chance) if chance.random() < 0.9 else chance.choice(ODD) for k, v in kept.items()}
    if isinstance(value, list):
        return [bent(item, chance) for item in value]
    return value if chance.random() < 0.95 else chance.choice(ODD)


@pytest.mark.parametrize("wire", WIRES)
def test_bent_answers_are_told_as_such_or_can_be_sent_back(wire: str) -> None:
    made, chance = wire_of(Host(), wire, "test", {}), random.Random(wire)
    cases = [json.loads(path.read_text()) for path in sorted((DATA / wire).glob("*.json"))]
    streams = [c["response"]["body"].encode() + b"\n\n" for c in cases if c["stream"]]
    assert streams
    whole = 0
    for _ in range(150):
        reply = made.reply()
        try:
            for event, data in SSEReader().feed(chance.choice(streams)):
                if data.startswith(b"{"):
                    table = json.loads(data)
                    data = json.dumps(bent(table, chance) if chance.random() < 0.3 else table).encode()
                reply.feed(event, data)
            made.build(Request([Message("user", [Text("hi")]), reply.finish()]), "m")
            whole += 1
        except (ErrorInStream, Malformed, KTError):
            continue
    assert whole
