"""kt model pull tells how far it is: in one line that is redrawn, or in two plain ones."""

import pytest
from kt_local import progress
from kt_local.progress import Bar

from ..marketplace.pty_world import Clock, terminal

TOTAL = 1_000_000_000


def pulled(clock: Clock, seconds: float) -> None:
    """Go on with a download of which half is there, in a hundred steps."""
    bar = Bar("qwen")
    for step in range(50, 101):
        bar(TOTAL // 100 * step, TOTAL)
        clock.now += seconds / 50
    bar.end()


def test_on_a_terminal_it_is_one_line_that_goes_away(monkeypatch: pytest.MonkeyPatch) -> None:
    with terminal(monkeypatch, 50) as screen:
        pulled(Clock(monkeypatch, progress), 100)
        assert screen.look() == []
        first, *more, last = screen.frames
    assert first == "qwen [##########          ] 510 of 1,000 MB, 98 s left"[:49]
    assert (len(more), last) == (49, "")


def test_elsewhere_it_is_two_lines(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    pulled(Clock(monkeypatch, progress), 100)
    assert capsys.readouterr().err == "qwen: 510 of 1,000 MB\nqwen: 1,000 MB are here\n"


@pytest.mark.parametrize("term", ["xterm", "dumb"])
def test_what_is_quick_shows_nothing(monkeypatch: pytest.MonkeyPatch, term: str) -> None:
    with terminal(monkeypatch, term=term) as screen:
        pulled(Clock(monkeypatch, progress), 0.4)
        assert (screen.look(), screen.raw) == ([], b"")


def test_a_download_that_does_not_move_can_be_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    with terminal(monkeypatch) as screen:
        clock, bar = Clock(monkeypatch, progress), Bar("qwen")
        for _ in range(3):
            bar(0, TOTAL)
            clock.now += 1
        assert screen.look() == ["qwen [                    ] 0 of 1,000 MB"]
        bar.end()
