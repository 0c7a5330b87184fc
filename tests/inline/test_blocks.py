"""Streamed Markdown in blocks: nothing is lost, nothing is cut apart that belongs together."""

from hypothesis import given
from hypothesis import strategies as st
from kt_inline.blocks import Blocks

PIECES = st.sampled_from([
    "A line.\n", "more of it\n", "\n", "\n\n", "- item\n", "  goes on\n", "1. one\n", "```py\n", "x = 1\n", "```\n",
    "~~~\n", "| a | b |\n", "|---|---|\n", "# Title\n", "end",
])  # fmt: skip
TEXTS = st.lists(PIECES, max_size=25).map("".join)


def split(text: str, step: int) -> list[str]:
    blocks, out = Blocks(), []
    for at in range(0, len(text), step):
        out += blocks.feed(text[at : at + step])
    return [*out, *blocks.end()]


@given(TEXTS, st.integers(1, 12))
def test_nothing_is_lost_and_the_pieces_do_not_matter(text: str, step: int) -> None:
    found = split(text, step)
    assert found == split(text, max(len(text), 1))
    left = "".join(text.split())
    assert "".join("".join(found).split()) == left
    assert all(block.strip() for block in found)


@given(TEXTS)
def test_a_fence_stays_whole(text: str) -> None:
    for block in split(text, 1)[:-1]:
        fences = [line for line in block.splitlines() if line.startswith(("```", "~~~"))]
        open_one = ""
        for line in fences:
            open_one = "" if open_one and line.rstrip() == open_one else open_one or line[:3]
        assert not open_one, block


def test_a_list_with_gaps_is_one_block_and_a_table_another() -> None:
    text = "Words.\n\n1. one\n\n   of one\n\n2. two\n\nMore.\n\n| a |\n|---|\n\n- x\n"
    assert [block.strip() for block in split(text, 3)] == [
        "Words.", "1. one\n\n   of one\n\n2. two", "More.", "| a |\n|---|", "- x",
    ]  # fmt: skip
