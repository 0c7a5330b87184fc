"""A regular expression of an evals file is a stranger's: none goes on for ever."""

import signal

import pytest
from kt.errors import DataError
from kt_evals import patterns
from kt_evals.patterns import MAX_TEXT, compiled, search

from .conftest import Bench

SLOW = [("(a+)+$", "a" * 40 + "!"), ("(?=[ab]*)" * 200 + "c", "a" * 200_000), ("(a|a)*b", "a" * 64)]
ENDLESS = "a" * 40 + "!"


@pytest.fixture(autouse=True)
def little_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patterns, "PATIENCE", 0.2)


@pytest.mark.parametrize(("pattern", "text"), SLOW, ids=["nested", "wide", "ambiguous"])
def test_a_pattern_is_given_up(pattern: str, text: str) -> None:
    before = signal.getsignal(signal.SIGALRM)
    with pytest.raises(DataError, match="takes more than"):
        search(pattern, text)
    assert signal.getsignal(signal.SIGALRM) is before
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_one_that_ends_leaves_no_alarm_behind() -> None:
    before = signal.getsignal(signal.SIGALRM)
    found = search("^b.", "a\nBC")
    assert found is not None
    assert (found[0], signal.getitimer(signal.ITIMER_REAL)) == ("BC", (0.0, 0.0))
    assert signal.getsignal(signal.SIGALRM) is before


def test_a_text_that_is_too_long_is_not_cut_but_told() -> None:
    assert search("b", "a" * (MAX_TEXT - 1) + "b")
    with pytest.raises(DataError, match="500,001 characters is too long"):
        search("b", "a" * MAX_TEXT + "b")


@pytest.mark.parametrize("pattern", ["(", "a{99999999999999999999}", "(" * 5000 + ")" * 5000])
def test_a_pattern_that_can_not_be_compiled_is_none(pattern: str) -> None:
    with pytest.raises(ValueError, match="is no regular expression"):
        compiled(pattern)


@pytest.mark.parametrize(
    "check", ["{answer: '(a+)+$'}", "{answer_not: '(a+)+$'}", "{used: ask_user, arguments: '(a+)+$'}"]
)
def test_a_check_that_is_given_up_fails(bench: Bench, check: str) -> None:
    ask = [("ask_user", {"question": ENDLESS})]
    (verdict,) = bench.judged(f"[{check}]", ask, ENDLESS)["checks"]
    assert verdict["why"].startswith("it can't be checked: the pattern '(a+)+$' takes more than 0.2 s")


def test_an_answer_that_is_given_up_ends_the_batch_and_says_so(bench: Bench) -> None:
    bench.evals("tasks: [{name: one, prompt: Go., answers: [{to: '(a+)+$', answer: b}], checks: [{answer: done}]}]\n")
    ask = [("ask_user", {"question": ENDLESS})]
    with pytest.raises(DataError, match="takes more than") as caught:
        bench("--scripted", bench.script(ask, "Done."))
    assert caught.value.where == "one: answers"
