"""Server-sent events: every chunking and every line ending gives the same events, in bounded memory."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kt_http.errors import HttpError
from kt_http.sse import SSEReader

STREAM = (
    b": a comment\n\n"
    b'data: {"a": 1}\n\n'
    b"event: error\ndata: one\ndata: two\n\n"
    b"id: 7\nretry: 100\ndata:no space\n\n"
    b"unknown\n\n\n"
    b"data\n\n"
    b"data:  two spaces\n: inside\n\n"
    b"data: last"
)
EVENTS = [
    ("message", b'{"a": 1}'),
    ("error", b"one\ntwo"),
    ("message", b"no space"),
    ("message", b" two spaces"),
    ("message", b"last"),
]


def read(stream: bytes, cuts: list[int]) -> list[tuple[str, bytes]]:
    reader, events, start = SSEReader(), [], 0
    for end in [*sorted(cuts), len(stream)]:
        events += reader.feed(stream[start:end])
        start = max(start, end)
    return events + reader.close()


@pytest.mark.parametrize("ending", [b"\n", b"\r\n", b"\r"])
@given(cuts=st.lists(st.integers(0, len(STREAM)), max_size=12))
def test_any_chunking_and_line_ending_gives_the_same_events(ending: bytes, cuts: list[int]) -> None:
    assert read(STREAM.replace(b"\n", ending), cuts) == EVENTS


@pytest.mark.parametrize("ending", [b"\n", b"\r\n", b"\r"])
def test_one_byte_at_a_time_gives_the_same_events(ending: bytes) -> None:
    stream = STREAM.replace(b"\n", ending)
    assert read(stream, list(range(len(stream)))) == EVENTS


def test_an_event_comes_out_as_soon_as_its_blank_line_is_there() -> None:
    reader = SSEReader()
    assert reader.feed(b"data: a\r\n\r") == [("message", b"a")]
    assert reader.feed(b"\ndata: b\n\n") == [("message", b"b")]
    assert reader.close() == []


def test_a_byte_order_mark_is_no_part_of_the_first_field() -> None:
    assert read(b"\xef\xbb\xbfdata: a\n\ndata: b\n\n", [1, 2]) == [("message", b"a"), ("message", b"b")]


@given(
    st.lists(st.text(st.characters(exclude_characters="\r\n\x00", exclude_categories=["Cs"]), min_size=1), min_size=1)
)
def test_the_lines_of_an_event_come_out_as_they_were(lines: list[str]) -> None:
    sent = "".join(f"data: {line}\n" for line in lines) + "\n"
    assert read(sent.encode(), []) == [("message", "\n".join(lines).encode())]


def test_an_endless_line_is_refused_before_it_fills_the_memory() -> None:
    reader = SSEReader(max_line=1000)
    for _ in range(15):
        assert reader.feed(b"x" * 64) == []
    with pytest.raises(HttpError, match="over the cap"):
        reader.feed(b"x" * 64)


def test_an_endless_event_of_short_lines_is_refused() -> None:
    reader = SSEReader(max_line=100, max_event=1000)
    for _ in range(125):
        assert reader.feed(b"data: x\n") == []
    with pytest.raises(HttpError, match="over the cap"):
        reader.feed(b"data: x\n")


def test_a_line_over_the_cap_inside_a_whole_event_is_refused() -> None:
    reader = SSEReader(max_line=100)
    with pytest.raises(HttpError, match="over the cap"):
        reader.feed(b"data: {" + b"x" * 100 + b"}\n\n")
    assert SSEReader(max_line=120).feed(b"data: {" + b"x" * 100 + b"}\n\n") != []
