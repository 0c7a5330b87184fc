"""A root whose own answers are wired: its run goes on with what comes back, until its graph is quiet."""

from pathlib import Path
from typing import Any

import pytest
from kt import Terrarium
from kt.testing import ScriptedLLM

pytestmark = pytest.mark.anyio

PAIR = {
    "name": "pair",
    "root": "driver",
    "creatures": [
        {"name": "driver", "prompt": "You drive.", "output_wiring": ["navigator"]},
        {
            "name": "navigator",
            "prompt": "You navigate.",
            "output_wiring": [{"to": "driver", "prompt": "nav: {content}"}],
        },
    ],
    "limits": {"max_hops": 6},
}


async def test_what_its_answer_starts_joins_the_run(tmp_path: Path) -> None:
    rounds = []

    def answer(request: Any) -> str:
        if request.system.startswith("You navigate"):
            return "left"
        rounds.append(request.messages[-1].text)
        return f"step {len(rounds)}"

    async with await Terrarium.from_recipe(PAIR, llm=ScriptedLLM(answer), pwd=tmp_path) as engine:
        result = await engine.run("drive")
        assert rounds == ["drive", "nav: left", "nav: left", "nav: left"]
        assert (result.status, result.text) == ("ok", "step 4")
        assert [g.quiet for g in engine.graphs.values()] == [True]
        assert engine.member("driver").agent.turns == 1
