"""kt doctor --json says what the lines say, and a check that can't be made is one more finding."""

import json
import shutil
import subprocess
from typing import Any

import pytest

MARKS = {True: "ok  ", False: "FAIL", None: "note"}


def line_of(check: dict[str, Any]) -> str:
    """Return the line that a check is without --json."""
    hint = f". fix: {check['hint']}" if check["hint"] else ""
    return f"{MARKS[check['ok']]} {check['name']}: {check['what']}{hint}"


def healthy(kt: Any) -> None:
    kt("model", "default", "scripted")


def broken(kt: Any) -> None:
    kt.home.mkdir()
    (kt.home / "config.toml").write_text("model = \n")


def without_a_model(kt: Any) -> None:
    kt.env["OPENAI_API_KEY"] = "sk-secret-value"


@pytest.mark.parametrize(("state", "ok"), [(healthy, True), (broken, False), (without_a_model, False)])
def test_the_object_and_the_lines_agree(kt: Any, state: Any, ok: bool) -> None:
    state(kt)
    lines, found = kt("doctor", "./c.yaml"), kt("doctor", "./c.yaml", "--json")
    said = json.loads(found.out)
    assert said.keys() == {"ok", "checks"}
    assert said["ok"] is ok
    assert found.code == lines.code == (0 if ok else 1)
    assert [check.keys() for check in said["checks"]] == [{"name", "ok", "what", "hint"}] * len(said["checks"])
    assert [line_of(check) for check in said["checks"]] == lines.out.splitlines()
    assert "sk-secret" not in found.out + lines.out


def test_the_object_has_what_is_wrong_with_a_creature_and_its_fix(kt: Any) -> None:
    (kt.folder / "c.yaml").write_text("tols: []\n")
    checks = {check["name"]: check for check in json.loads(kt("doctor", "./c.yaml", "--json").out)["checks"]}
    assert (checks["creature ./c.yaml"]["ok"], checks["creature ./c.yaml"]["hint"]) == (False, "did you mean tools?")
    assert checks["default model"]["ok"] is False
    assert checks["no key of"]["ok"] is None


UNREADABLE = """
from kt import hookimpl


def check():
    raise PermissionError(13, "Permission denied", "/etc/secret")


@hookimpl
def kt_register(registry):
    registry.add("doctor", "gaze", "kt_gaze:check", help="looks where it may not")
"""


def test_a_check_that_the_system_refuses_is_a_finding_and_the_others_go_on(kt: Any, plugin: Any) -> None:
    plugin("gaze", UNREADABLE)
    said = json.loads(kt("doctor", "--json").out)
    checks = {check["name"]: check for check in said["checks"]}
    assert checks["gaze"]["ok"] is False
    assert "/etc/secret" in checks["gaze"]["what"]
    assert checks["sandbox"]["what"]


def test_root_of_a_user_namespace_gets_every_check(kt: Any) -> None:
    enter = ["unshare", "--user", "--map-root-user"]
    if shutil.which("unshare") is None or subprocess.run([*enter, "true"], capture_output=True).returncode:
        pytest.skip("no user namespaces here")
    done = subprocess.run(
        [*enter, kt.program, "doctor", "--json"], env=kt.env, cwd=kt.folder, capture_output=True, text=True
    )
    assert done.stderr == ""
    checks = {check["name"]: check for check in json.loads(done.stdout)["checks"]}
    assert "Permission denied" not in checks["sandbox"]["what"]
