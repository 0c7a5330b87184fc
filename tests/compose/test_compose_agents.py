"""Steps over real agents: one conversation or a fresh one, errors, life, many at once."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from kt import Agent, Host, Limits, Plugins, Request
from kt.errors import DataError, LimitReached, ModelError, ProviderDown, TurnCancelled, UsageError
from kt.testing import ScriptedLLM, running
from kt_compose import Answer, Rejected, Step, agent, factory, pure, race

pytestmark = pytest.mark.anyio
Left = Callable[[], set["asyncio.Task[Any]"]]


def said(request: Request) -> str:
    """Answer with all that the user said, so that a conversation shows."""
    return " | ".join(m.text for m in request.messages if m.role == "user")


def scripted(steps: Any, name: str = "bee", **options: Any) -> Step[object, Answer[None]]:
    return agent({"name": name}, llm=ScriptedLLM(steps), **options)


class Slow:
    """A model that answers when told, and counts who waits; `asked` is set once `crowd` do."""

    def __init__(self) -> None:
        self.go, self.asked = asyncio.Event(), asyncio.Event()
        self.now = self.most = 0
        self.crowd = 1

    async def __call__(self, request: Request) -> str:
        self.now += 1
        self.most = max(self.most, self.now)
        if self.now == self.crowd:
            self.asked.set()
        try:
            await self.go.wait()
        finally:
            self.now -= 1
        return f"done {request.messages[-1].text}"


class Life:
    """An output that notes when its agent starts and stops."""

    def __init__(self, notes: list[str], name: str = "it") -> None:
        self.notes, self.name = notes, name

    async def __aenter__(self) -> None:
        await asyncio.sleep(0)
        self.notes.append(f"{self.name} born")

    async def __aexit__(self, *error: object) -> None:
        self.notes.append(f"{self.name} gone")


@pytest.fixture
def slow() -> Slow:
    return Slow()


class TestAnAgent:
    async def test_it_keeps_its_conversation(self, left: Left) -> None:
        async with scripted(said) as bee:
            assert await bee("one") == "one"
            answer = await bee("two")
        assert (answer, answer.result.ok, answer.result.text) == ("one | two", True, "one | two")
        assert left() == set()

    async def test_it_starts_with_its_first_call_and_ends_with_aclose(self, left: Left) -> None:
        started = await Agent.build({"name": "bee"}, llm=ScriptedLLM(said))
        bee = pure(str) >> started
        assert not started.started
        assert await bee("a") == "a"
        assert started.started
        await bee.aclose()
        assert not started.started
        with pytest.raises(UsageError, match="the step is closed"):
            await bee("a")

    async def test_one_that_runs_already_is_left_running(self) -> None:
        async with running(said) as bee:
            async with agent(bee) >> len as pipeline:
                assert await pipeline("abc") == 3
            assert bee.started

    async def test_options_come_too_late_for_an_agent_that_is_built(self) -> None:
        async with running() as bee:
            with pytest.raises(UsageError, match="built already"):
                agent(bee, llm="x")  # type: ignore[call-overload]

    async def test_concurrent_first_calls_build_one_agent_which_serves_one_at_a_time(self) -> None:
        lives: list[str] = []
        bees = scripted(said, outputs=[lambda agent: Life(lives)]).each()
        assert (await bees(["a", "b", "c"]))[2] == "a | b | c"
        await bees.aclose()
        assert lives == ["it born", "it gone"]

    async def test_what_is_wrong_with_one_raises_where_the_pipeline_is_entered(self, left: Left) -> None:
        first = await Agent.build({"name": "first"}, llm=ScriptedLLM())
        pipeline = agent(first) >> agent({"tols": []}, llm=ScriptedLLM())
        with pytest.raises(DataError, match="unknown key 'tols'"):
            async with pipeline:
                pass
        assert not first.started

    async def test_a_pipeline_closes_in_reverse_what_it_opened_once_each(self) -> None:
        order: list[str] = []

        def noted(agent: Agent) -> Life:
            return Life(order, agent.name)

        a, b = (scripted(said, name, outputs=[noted]) for name in "ab")
        async with (a >> b >> a) * 2 | b as pipeline:
            assert order == ["a born", "b born"]
            assert await pipeline("x")
        assert order == ["a born", "b born", "b gone", "a gone"]
        async with pipeline:
            assert await pipeline("y") == "y | y"  # a heard it twice, in a conversation that is new

    async def test_aclose_cancels_the_turn_that_runs(self, slow: Slow, left: Left) -> None:
        bee = scripted(slow) * 5
        call = asyncio.ensure_future(bee("x"))
        await slow.asked.wait()
        await bee.aclose()
        with pytest.raises(UsageError, match="the step is closed"):
            await call  # the second of the five attempts
        assert left() == set()

    async def test_a_repr_has_the_names(self) -> None:
        step = agent("@kt-biome/creatures/general") >> factory({"name": "ant"}) >> str.strip
        assert repr(step) == "agent('general') >> factory('ant') >> pure(strip)"


class TestErrors:
    async def test_a_turn_that_is_not_ok_raises_its_error_with_its_result(self) -> None:
        async with scripted([[("none", {})]] * 3, limits=Limits(max_turns=2)) as bee:
            with pytest.raises(LimitReached) as caught:
                await bee("x")
        result = caught.value.result  # type: ignore[attr-defined]
        assert (result.status, result.turns) == ("limit", 2)

    async def test_a_model_that_is_down_falls_back_to_another(self) -> None:
        down = scripted([ProviderDown("no network")] * 2, "remote")
        async with down * 2 | scripted(said, "local") as pipeline:
            assert await pipeline("hello") == "hello"

    async def test_a_writer_and_a_reviewer_until_it_is_good(self) -> None:
        writer = scripted(["draft 1", "draft 2", "draft 3"], "writer")
        reviewer = scripted(lambda request: "good" if "2" in request.messages[-1].text else "bad", "reviewer")
        review = (writer >> reviewer).fails_when(lambda verdict: verdict != "good", why="not good enough")
        async with review * 3 as pipeline:
            assert await pipeline("write") == "good"
            with pytest.raises(Rejected, match="not good enough"):
                await (review * 1)("write")

    async def test_typed_output(self) -> None:
        @dataclass
        class Bird:
            wings: int

        llm = ScriptedLLM(['{"wings": 2}'])
        async with agent({"name": "bee"}, llm=llm, output_type=Bird) as bee:
            assert (await bee("x")).output == Bird(2)


class TestCancellation:
    async def test_it_leaves_the_agents_usable(self, slow: Slow, left: Left) -> None:
        async with running(slow) as bee:
            pipeline = agent(bee) >> str.upper & (lambda x: x)
            call = asyncio.ensure_future(pipeline("x"))
            await slow.asked.wait()
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            assert left() == set()
            assert bee.turn is None
            slow.go.set()
            assert await pipeline("y") == ("DONE Y", "y")

    async def test_the_loser_of_a_race_is_interrupted(self, slow: Slow, left: Left) -> None:
        async with race(scripted(slow), scripted(["quick"])) as pipeline:
            assert await pipeline("x") == "quick"
            assert slow.now == 0
        assert left() == set()

    async def test_a_timeout_ends_the_turn(self, slow: Slow, left: Left) -> None:
        async with scripted(slow).timeout(0.02) | scripted(["too slow"]) as pipeline:
            assert await pipeline("x") == "too slow"
            assert slow.now == 0
        assert left() == set()


class TestAFactory:
    async def test_every_call_has_a_fresh_agent_on_one_host(self, left: Left) -> None:
        hosts: list[Host] = []
        lives: list[str] = []

        def noted(agent: Agent) -> Life:
            hosts.append(agent.host)
            return Life(lives)

        async with factory({"name": "bee"}, llm=ScriptedLLM(said), outputs=[noted]) as bee:
            assert [await bee("one"), await bee("two")] == ["one", "two"]
            assert lives == ["it born", "it gone"] * 2
        assert len(hosts) == 2
        assert hosts[0] is hosts[1]
        assert left() == set()

    async def test_200_calls_at_once_with_a_limit(self, slow: Slow, left: Left) -> None:
        async with factory({"name": "bee"}, llm=ScriptedLLM(slow)).limit(50).each() as bees:
            slow.crowd = 50
            call = asyncio.ensure_future(bees(range(200)))
            await slow.asked.wait()
            slow.go.set()
            assert await call == [f"done {n}" for n in range(200)]
        assert slow.most == 50
        assert left() == set()

    @pytest.mark.parametrize("how", ["error", "cancelled"])
    async def test_its_agent_is_stopped_whatever_happens(self, slow: Slow, left: Left, how: str) -> None:
        lives: list[str] = []
        llm = ScriptedLLM([ModelError("broken")] if how == "error" else slow)
        bee = factory({"name": "bee"}, llm=llm, outputs=[lambda agent: Life(lives)])
        call = asyncio.ensure_future(bee("x"))
        if how == "cancelled":
            await slow.asked.wait()
            call.cancel()
        with pytest.raises((ModelError, asyncio.CancelledError)):
            await call
        assert lives == ["it born", "it gone"]
        await bee.aclose()

    async def test_aclose_ends_the_calls_that_run(self, slow: Slow, left: Left) -> None:
        bee = factory({"name": "bee"}, llm=ScriptedLLM(slow))
        slow.crowd = 3
        calls = [asyncio.ensure_future(bee(n)) for n in range(3)]
        await slow.asked.wait()
        await bee.aclose()
        outs = await asyncio.gather(*calls, return_exceptions=True)
        assert [type(out) for out in outs] == [TurnCancelled] * 3
        with pytest.raises(UsageError, match="closed"):
            await bee("x")

    async def test_a_given_host_stays_open(self) -> None:
        async with Host(Plugins()) as host:
            service = Life([])
            host.provide(service)
            async with factory({"name": "bee"}, llm=ScriptedLLM(said), host=host) as bee:
                assert await bee("x") == "x"
            assert host.get(Life) is service
