"""The bus: order, types, unsubscribing, and listeners that fail or change the bus while it speaks."""

from dataclasses import dataclass

import pytest
from kt import Bus
from kt.events import Event, PluginFailed, TextDelta, ThinkingDelta


@dataclass(slots=True)
class OwnEvent(Event):
    n: int = 0


def test_listeners_hear_in_the_order_they_subscribed() -> None:
    bus, heard = Bus(), list[str]()
    bus.on(TextDelta, lambda e: heard.append("a"))
    bus.on(Event, lambda e: heard.append("all"))
    bus.on(TextDelta, lambda e: heard.append("b"))
    bus.publish(TextDelta("x"))
    assert heard == ["a", "all", "b"]


def test_a_listener_of_event_hears_every_type_and_others_their_own() -> None:
    bus, every, own = Bus(), list[Event](), list[Event]()
    bus.on(OwnEvent, own.append)
    bus.on(Event, every.append)
    events = [TextDelta("x"), OwnEvent(1), ThinkingDelta("y")]
    for event in events:
        bus.publish(event)
    assert every == events
    assert own == [OwnEvent(1)]


@pytest.mark.parametrize("kind", [TextDelta, Event])
def test_a_listener_that_unsubscribed_hears_nothing_more(kind: type[Event]) -> None:
    bus, heard, others = Bus(), list[Event](), list[Event]()
    off = bus.on(kind, heard.append)
    bus.on(TextDelta, others.append)
    bus.publish(TextDelta("1"))
    off()
    bus.publish(TextDelta("2"))
    assert heard == [TextDelta("1")]
    assert len(others) == 2


def test_unsubscribing_twice_does_no_harm() -> None:
    bus, heard = Bus(), list[Event]()
    off = bus.on(TextDelta, lambda e: None)
    bus.on(TextDelta, heard.append)
    off()
    off()
    bus.publish(TextDelta("x"))
    assert len(heard) == 1


def test_a_listener_subscribed_twice_and_taken_away_once_hears_once() -> None:
    bus, heard = Bus(), list[Event]()
    listener = heard.append
    off = bus.on(TextDelta, listener)
    bus.on(TextDelta, listener)
    off()
    bus.publish(TextDelta("x"))
    assert len(heard) == 1


def test_the_bus_knows_whether_anybody_listens() -> None:
    bus = Bus()
    assert (bus.heard, bus.text) == (False, ())
    off = bus.on(TextDelta, lambda e: None)
    assert (bus.heard, len(bus.text), bus.listeners(ThinkingDelta)) == (True, 1, ())
    off()
    assert (bus.heard, bus.text) == (False, ())
    bus.on(Event, lambda e: None)
    assert (bus.heard, len(bus.text), len(bus.listeners(ThinkingDelta))) == (True, 1, 1)


def test_a_listener_may_unsubscribe_itself_or_another_while_it_hears() -> None:
    bus, heard = Bus(), list[str]()

    def once(event: TextDelta) -> None:
        heard.append("once")
        off_once()

    off_once = bus.on(TextDelta, once)
    bus.on(TextDelta, lambda e: heard.append("always"))
    bus.publish(TextDelta("1"))
    bus.publish(TextDelta("2"))
    assert heard == ["once", "always", "always"]


def test_a_listener_that_raises_is_named_and_does_not_stop_the_others() -> None:
    bus, heard, failures = Bus(), list[Event](), list[PluginFailed]()

    def faulty(event: TextDelta) -> None:
        raise ValueError("my own bug")

    bus.on(TextDelta, faulty)
    bus.on(TextDelta, heard.append)
    bus.on(PluginFailed, failures.append)
    bus.publish(TextDelta("x"))
    assert heard == [TextDelta("x")]
    assert [f.error for f in failures] == ["ValueError: my own bug"]
    assert failures[0].plugin.endswith("faulty")


def test_a_listener_of_failures_that_fails_itself_does_not_go_on_for_ever() -> None:
    bus, heard = Bus(), list[PluginFailed]()

    def faulty(event: Event) -> None:
        raise ValueError

    bus.on(Event, faulty)
    bus.on(PluginFailed, heard.append)
    bus.publish(TextDelta("x"))
    assert len(heard) == 1


def test_the_kind_of_an_event_is_its_class_in_snake_case() -> None:
    class LLMRate(Event):
        pass

    assert [k.kind for k in (TextDelta, OwnEvent, LLMRate)] == ["text_delta", "own_event", "llm_rate"]
