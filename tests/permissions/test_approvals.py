"""Approvals are for exactly one call; those for always survive in a file that only the user can write."""

import json
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kt.errors import DataError
from kt_permissions.approvals import Approvals, canonical

CALL: tuple[str, dict[str, Any], list[str], Path] = (
    "bash",
    {"command": "git push", "n": 1},
    ["reach x:443"],
    Path("/project"),
)
OTHERS: list[tuple[str, dict[str, Any], list[str], Path]] = [
    ("bash2", CALL[1], CALL[2], CALL[3]),
    ("bash", {"command": "git push -f", "n": 1}, CALL[2], CALL[3]),
    ("bash", {"command": "git push", "n": 1.0}, CALL[2], CALL[3]),
    ("bash", {"command": "git push", "n": True}, CALL[2], CALL[3]),
    ("bash", {"command": "git push", "n": "1"}, CALL[2], CALL[3]),
    ("bash", {"command": "git push"}, CALL[2], CALL[3]),
    ("bash", {"command": "git *", "n": 1}, CALL[2], CALL[3]),
    ("bash", CALL[1], [], CALL[3]),
    ("bash", CALL[1], ["reach x:443", "read /etc"], CALL[3]),
    ("bash", CALL[1], CALL[2], Path("/project/sub")),
    ("bash", CALL[1], CALL[2], Path("/")),
]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "config" / "approvals.jsonl"


@pytest.mark.parametrize("scope", ["session", "always"])
def test_an_approval_is_for_exactly_one_call(file: Path, scope: Any) -> None:
    approvals = Approvals(file)
    assert not approvals.knows(*CALL)
    approvals.remember(*CALL, scope=scope)
    assert approvals.knows(*CALL)
    assert approvals.knows(
        "bash", {"n": 1, "command": "git push"}, ["reach x:443", "reach x:443"], Path("/project/sub/..")
    )
    assert [other for other in OTHERS if approvals.knows(*other)] == []


def test_only_always_outlives_the_session(file: Path) -> None:
    first = Approvals(file)
    first.remember(*CALL)
    assert not file.exists()
    assert not Approvals(file).knows(*CALL)
    first.remember(*OTHERS[0], scope="always")
    assert Approvals(file).knows(*OTHERS[0])
    assert not Approvals(file).knows(*CALL)


def test_the_file_is_the_users_own_and_can_be_read(file: Path) -> None:
    approvals = Approvals(file)
    approvals.remember(*CALL, scope="always")
    approvals.remember(*CALL, scope="always")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    (line,) = file.read_text().splitlines()
    call = json.loads(line)
    assert len(call.pop("key")) == 64
    assert call == {"tool": "bash", "arguments": CALL[1], "wants": CALL[2], "folder": "/project"}


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_file_that_others_can_write_is_refused(file: Path, mode: int) -> None:
    approvals = Approvals(file)
    approvals.remember(*CALL, scope="always")
    file.chmod(mode)
    for act in (lambda: approvals.knows(*CALL), lambda: approvals.remember(*CALL, scope="always")):
        with pytest.raises(DataError) as raised:
            act()
        assert raised.value.hint == f"chmod 600 {file}"
    file.chmod(0o640)
    assert approvals.knows(*CALL)


def test_a_link_and_a_folder_are_refused(file: Path, tmp_path: Path) -> None:
    file.parent.mkdir()
    (tmp_path / "elsewhere").touch(0o600)
    file.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DataError, match="link"):
        Approvals(file).remember(*CALL, scope="always")
    file.unlink()
    file.mkdir()
    with pytest.raises(DataError, match="no file of yours"):
        Approvals(file).knows(*CALL)


@pytest.mark.parametrize("line", ["nonsense\n", "[]\n", "{}\n", '{"key": "x"}\n', "\n", "\xff\n", "1\n"])
def test_a_line_that_was_changed_is_refused(file: Path, line: str) -> None:
    Approvals(file).remember(*CALL, scope="always")
    with file.open("a", encoding="latin-1") as out:
        out.write(line)
    with pytest.raises(DataError) as raised:
        Approvals(file).knows(*CALL)
    assert raised.value.where == f"{file}:2"


def test_what_the_user_reads_is_what_is_approved(file: Path) -> None:
    Approvals(file).remember(*CALL, scope="always")
    file.write_text(file.read_text().replace("git push", "git pull"))
    with pytest.raises(DataError):
        Approvals(file).knows("bash", {"command": "git pull", "n": 1}, CALL[2], CALL[3])


ADDING = """
import sys
from pathlib import Path
from kt_permissions.approvals import Approvals
for n in range(40):
    Approvals(Path(sys.argv[1])).remember("t", {"n": n, "by": sys.argv[2]}, ["x" * 3000], Path("/"), scope="always")
"""


def test_several_processes_add_at_once(file: Path) -> None:
    adders = [subprocess.Popen([sys.executable, "-c", ADDING, str(file), who]) for who in "abc"]
    assert [adder.wait() for adder in adders] == [0, 0, 0]
    approvals = Approvals(file)
    assert all(approvals.knows("t", {"n": n, "by": who}, ["x" * 3000], Path("/")) for n in range(40) for who in "abc")
    assert len(file.read_text().splitlines()) == 120


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(JSON, JSON)
def test_canonical_texts_are_equal_for_what_json_says_alike(one: Any, two: Any) -> None:
    assert canonical(json.loads(json.dumps(one))) == canonical(one)
    assert (canonical(one) == canonical(two)) == (json.dumps(one, sort_keys=True) == json.dumps(two, sort_keys=True))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {1, 2}, b"x"])
def test_what_json_cannot_say_is_refused(value: Any) -> None:
    with pytest.raises(DataError):
        canonical({"a": value})
