"""Each kind of check holds where it should, and fails where it should with a reason that one can act on."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kt_evals.snapshot import changed

from .conftest import Bench

WRITE = [("write", {"path": "out/a.txt", "content": "one\ntwo\n"})]
SHELL = [("bash", {"command": "echo three > b.txt; rm -f gone.txt"})]
ASK = [("ask_user", {"question": "Which colour?"})]
DENIED = [("bash", {"command": "true", "hosts": ["example.com"]})]

HOLD = [
    ("{answer: 'all  ?done'}", ["All done."]),
    ("{answer: '^second'}", ["First.\nSecond."]),
    ("{answer_not: maybe}", ["All done."]),
    ("{file: out/a.txt}", [WRITE, "Done."]),
    ("{file: out/a.txt, equals: \"one\\ntwo\\n\"}", [WRITE, "Done."]),
    ("{file: out/a.txt, contains: \"one\\ntw\"}", [WRITE, "Done."]),
    ("{file: out/a.txt, matches: '^TWO$'}", [WRITE, "Done."]),
    ("{file: gone.txt, absent: true}", [SHELL, "Done."]),
    ("{unchanged: a.txt}", [SHELL, "Done."]),
    ("{unchanged: .}", ["Done."]),
    ("{unchanged: out}", [SHELL, "Done."]),
    ("{run: cat out/a.txt, output: two}", [WRITE, "Done."]),
    ("{run: exit 3, code: 3}", ["Done."]),
    ("{used: write}", [WRITE, "Done."]),
    ("{used: write, arguments: 'out/a'}", [WRITE, "Done."]),
    ("{not_used: bash}", [WRITE, "Done."]),
    ("{not_used: write, arguments: b.txt}", [WRITE, "Done."]),
    ("{calls_at_most: 1}", [WRITE, "Done."]),
    ("{asked: true}", [ASK, "Done."]),
    ("{asked: colour}", [ASK, "Done."]),
    ("{asked: false}", [DENIED, "Done."]),
]  # fmt: skip
FAIL = [
    ("{answer: done}", ["I stop."], "the answer is 'I stop.'"),
    ("{answer_not: 'st.p'}", ["I stop."], "the answer says 'stop'"),
    ("{file: nothing.txt}", ["Done."], "nothing.txt is no readable file of the folder"),
    ("{file: out}", [WRITE, "Done."], "out is no readable file of the folder"),
    ("{file: out/a.txt, equals: one}", [WRITE, "Done."], "it holds 'one two'"),
    ("{file: out/a.txt, contains: three}", [WRITE, "Done."], "it holds 'one two'"),
    ("{file: out/a.txt, matches: '^t$'}", [WRITE, "Done."], "it holds 'one two'"),
    ("{file: a.txt, absent: true}", ["Done."], "a.txt is there"),
    ("{unchanged: gone.txt}", [SHELL, "Done."], "changed: gone.txt"),
    ("{unchanged: .}", [SHELL, "Done."], "changed: b.txt, gone.txt"),
    ("{unchanged: out}", [WRITE, "Done."], "changed: out/a.txt"),
    ("{run: 'echo no; exit 2'}", ["Done."], "it ended with 2 and printed 'no'"),
    ("{run: echo no, output: owl}", ["Done."], "it printed 'no'"),
    ("{run: sleep 60, timeout: 0.1}", ["Done."], "it did not end within 0.1 s"),
    ("{run: touch /etc/owl}", ["Done."], 'it ended with 1 and printed "touch'),
    ("{used: read}", [WRITE, "Done."], "called were write"),
    ("{used: read}", ["Done."], "called were no tools"),
    ("{used: write, arguments: b.txt}", [WRITE, "Done."], "called were write"),
    ("{not_used: bash}", [DENIED, "Done."], "called with"),
    ("{calls_at_most: 0}", [WRITE, "Done."], "calls made: 1"),
    ("{asked: true}", [DENIED, "Done."], "it asked nothing"),
    ("{asked: false}", [ASK, "Done."], "it asked 'Which colour?'"),
    ("{asked: size}", [ASK, "Done."], "it asked 'Which colour?'"),
]
FILES = '{a.txt: "as it was", gone.txt: x}'


@pytest.mark.parametrize(("check", "steps"), HOLD)
def test_a_check_holds(bench: Bench, check: str, steps: list[Any]) -> None:
    run = bench.judged(f"[{check}]", *steps, files=FILES)
    assert [verdict["why"] for verdict in run["checks"]] == [""]
    assert run["passed"]


@pytest.mark.parametrize(("check", "steps", "why"), FAIL)
def test_a_check_fails_and_says_why(bench: Bench, check: str, steps: list[Any], why: str) -> None:
    run = bench.judged(f"[{check}]", *steps, files=FILES)
    (verdict,) = run["checks"]
    assert verdict["why"].startswith(why)
    assert (verdict["passed"], run["passed"], run["status"]) == (False, False, "ok")


def test_a_link_out_of_the_folder_is_no_file(bench: Bench) -> None:
    (bench.folder / "secret.txt").write_text("swordfish")
    link = [("bash", {"command": f"ln -s {bench.folder}/secret.txt s.txt"})]
    run = bench.judged("[{file: s.txt, contains: swordfish}, {unchanged: .}]", link, "Done.")
    assert [v["why"] for v in run["checks"]] == ["s.txt is no readable file of the folder", "changed: s.txt"]


def test_what_caches_hold_is_no_change(bench: Bench) -> None:
    cache = [("bash", {"command": "mkdir __pycache__ && touch __pycache__/a.pyc"})]
    assert bench.judged("[{unchanged: .}]", cache, "Done.")["passed"]


def test_a_turn_that_does_not_end_well_has_failed_whatever_its_checks_say(bench: Bench) -> None:
    bench.evals("limits: {max_turns: 1}\ntasks: [{name: one, prompt: Go., checks: [{file: out/a.txt}]}]\n")
    code, out = bench("--scripted", bench.script(WRITE, "Done."))
    assert code == 1
    assert "the turn ended with status limit: the turn reached its limit of 1 model calls" in out


PATHS = st.sampled_from(["a", "b", "d/a", "d/b", "d/e/a", "da"])
TREES = st.dictionaries(PATHS, st.binary(max_size=2), max_size=5)


@given(TREES, TREES)
def test_changes_are_the_same_in_both_directions_and_whole(before: dict[str, bytes], now: dict[str, bytes]) -> None:
    everything = changed(before, now, ".")
    assert everything == changed(now, before, ".")
    assert (everything == []) == (before == now)
    for part in ("d", "d/e", "a", "da"):
        inside = [name for name in everything if name == part or name.startswith(part + "/")]
        assert changed(before, now, part) == inside
