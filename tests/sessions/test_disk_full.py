"""A full disk stops a run with StoreError, loses nothing that was confirmed, and is got over once there is space."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from kt import SessionReader
from kt_sessions.check import check

MIB = "mount -t tmpfs -o size=1m none {disk} && exec "


def under(disk: Path) -> tuple[str, ...]:
    """Return the words in front of a program for which `disk` is a disk of 1 MiB; skip where nothing gives one."""
    disk.mkdir()
    words = ("unshare", "-Urm", "sh", "-c", MIB.format(disk=disk) + '"$@"', "sh")
    if shutil.which("unshare") is None:
        pytest.skip("there is no unshare")
    tried = subprocess.run([*words, "true"], capture_output=True, text=True)
    if tried.returncode:
        pytest.skip(f"no disk of 1 MiB can be made here: {tried.stderr.strip()}")
    return words


def test_a_full_disk_stops_the_run_and_loses_nothing(start: Any, tmp_path: Path) -> None:
    disk, out = tmp_path / "disk", tmp_path / "out"
    out.mkdir()
    victim = start("fill", disk, out, file="victims_store.py", under=under(disk))
    assert victim.ended() == 0, victim.lines[-3:]
    (full,) = victim.said("FULL")
    code, confirmed, held = full.split(" ")
    assert code == "74"
    assert int(held) >= int(confirmed) > 0
    assert victim.said("STILL") == ["74"]
    assert int(victim.said("HELD")[0]) == int(held), "an event that nobody confirmed came to the file meanwhile"
    assert victim.said("FREED") == ["ok"]

    acknowledged = [int(seq) for seq in victim.said("ACK")]
    with SessionReader(out / "s.ktlog") as reader:
        stored = {event.seq for event in reader.events()}
        said = [m.text for m in reader.conversation() if m.role == "user"]
    assert stored == set(range(1, max(acknowledged) + len(stored) - max(acknowledged) + 1))
    assert said == [f"question {n}" for n in range(len(said))], "a turn from the time without space is missing"
    assert len(said) == int(victim.said("TURNS")[0])
    assert check(out / "s.ktlog").problems == []


def test_the_file_of_a_full_disk_can_be_read_and_resumed(start: Any, tmp_path: Path) -> None:
    disk, out = tmp_path / "disk", tmp_path / "out"
    out.mkdir()
    victim = start("fill", disk, out, "killed", file="victims_store.py", under=under(disk))
    assert victim.ended() == -9
    confirmed = victim.confirmed
    assert confirmed
    with SessionReader(out / "s.ktlog") as reader:
        assert [event.seq for event in reader.events()][:confirmed] == list(range(1, confirmed + 1))
    again = start("hold", out / "s.ktlog")
    again.until("OPEN")
    again.tell("go on")
    again.until("ACK")
    assert again.ended() == 0


def test_a_mark_that_cannot_be_written_is_no_lost_event(start: Any, tmp_path: Path) -> None:
    victim = start("unmarked", tmp_path / "s.ktlog", file="victims_store.py")
    assert victim.ended() == 0, victim.lines[-3:]
    assert victim.said("WITHOUT") == ["74"]
    assert victim.said("AGAIN") == ["ok"]
    with SessionReader(tmp_path / "s.ktlog") as reader:
        texts = [m.text for m in reader.conversation() if m.role == "user"]
    assert texts == ["first", "second", "third"]


def test_kt_run_ends_with_74_on_a_full_disk(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    words = under(disk)
    (tmp_path / "c.yaml").write_text("name: tester\n")
    (tmp_path / "script.json").write_text(json.dumps(["word " * 400_000]))
    kt = Path(sys.executable).with_name("kt")
    done = subprocess.run(
        [*words, kt, "run", "./c.yaml", "hello", "--scripted", "script.json", "--session", disk / "s.ktlog"],
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "KT_HOME": str(tmp_path / "home"), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 74, done.stderr
    assert "error[E-STORE]: the disk is full" in done.stderr
    assert "Traceback" not in done.stderr
