"""Several agents on the local model: a wire, a batch, a pipeline. Simple tasks, for it is a small model."""

from pathlib import Path

import pytest
from kt import Host, Terrarium
from kt.compose import factory, pure

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
LOCAL = {"provider": "local", "model": "qwen2.5-coder-1.5b"}


async def test_what_one_creature_answers_another_one_reads() -> None:
    async with Terrarium(llm=LOCAL) as engine:
        writer = await engine.add_creature({"name": "writer", "prompt": "You write one short line."})
        critic = await engine.add_creature({"name": "critic", "prompt": "You name one word of a line."})
        await engine.wire_output(writer, critic)
        line = (await writer.run("A line about the sea.", timeout=300)).unwrap().text
        await engine.quiet()
        heard, said = critic.agent.history
        assert heard.text == f"[writer] {line}"
        assert said.text


async def test_a_batch_is_graded_by_creatures_of_their_own(tmp_path: Path) -> None:
    async with Terrarium(llm=LOCAL, session_dir=tmp_path / "sessions") as engine:
        for number in range(3):
            (tmp_path / str(number)).mkdir()
            prompt = "You grade sums. Answer with one word: right or wrong."
            member = await engine.add_creature({"name": f"g{number}", "prompt": prompt}, pwd=tmp_path / str(number))
            result = (await member.run(f"2 + {number} = {2 + number}", timeout=300)).unwrap()
            assert result.text
        assert len(list((tmp_path / "sessions").glob("*.ktlog"))) == 3


async def test_a_pipeline_goes_through_the_model() -> None:
    async with Host() as host:
        ask = factory({"prompt": "Answer with one number and nothing else."}, llm=LOCAL, host=host)
        steps = pure(lambda n: f"What is {n} + {n}?") >> ask >> pure(lambda said: "4" in said)
        async with steps as pipeline:
            assert await pipeline(2)
