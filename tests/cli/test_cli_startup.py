"""What a start imports, and what happens when a plugin is broken."""

import subprocess
import sys
from typing import Any

import pytest

HEAVY = {"pydantic", "httpx2", "httpx", "rich", "mcp", "fastapi", "yaml", "pluggy", "anyio"}
CLASS = """
from kt import hookimpl


class Odd:
    {body}


@hookimpl
def kt_register(registry):
    registry.plugin("odd", "kt_odd:{name}")
"""
WRONG_ARGUMENT = "@hookimpl\n    async def kt_around_turn(self, agent, trun, next):\n        return await next(trun)"
RAISES = "def __init__(self):\n        raise RuntimeError('no luck')"


def imported(kt: Any, *words: str) -> set[str]:
    """Return the top-level modules that `kt` with these words imports."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "kt_cli", *words], env=kt.env, cwd=kt.folder, capture_output=True,
        text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0
    names = [line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time")]
    return {name.partition(".")[0] for name in names}


@pytest.mark.parametrize("words", [("--help",), ("run", "--help"), ("list",), ("list", "--all")], ids=" ".join)
def test_a_look_at_what_is_there_imports_nothing_heavy(kt: Any, words: tuple[str, ...]) -> None:
    assert imported(kt, *words) & HEAVY == set()


def test_the_version_needs_neither_the_kernel_nor_a_parser(kt: Any) -> None:
    assert imported(kt, "--version") & {"kt", "typer", "click", "typing"} == set()
    assert kt("--version").out == "kt 0.1.0\n"


def test_a_plugin_that_does_not_import_is_named_with_its_cause(kt: Any, plugin: Any) -> None:
    plugin("bad", "import nothing_of_that_name\n")
    done = kt.play("hi")
    for part in ("'bad'", "kt-bad 1.2", "No module named 'nothing_of_that_name'", "--skip-bad-plugins"):
        assert part in done.error
    assert done.code == 78


def test_the_rest_runs_without_it_where_that_is_asked_for_and_says_so(kt: Any, plugin: Any) -> None:
    plugin("bad", "import nothing_of_that_name\n")
    done = kt.play("hi", "--skip-bad-plugins")
    assert (done.code, done.out) == (0, "Hello there.\n")
    assert "kt: plugin 'bad' is left out: plugin 'bad' of kt-bad 1.2 does not load" in done.err


def test_help_works_and_names_the_broken_plugin(kt: Any, plugin: Any) -> None:
    plugin("bad", "import nothing_of_that_name\n")
    done = kt("--help")
    assert done.code == 0
    assert "Plugins that do not load:\n  plugin 'bad' of kt-bad 1.2" in done.out


def test_an_entry_module_with_a_wrong_hook_is_named(kt: Any, plugin: Any) -> None:
    plugin("sig", "from kt import hookimpl\n@hookimpl\ndef kt_resolve(kind, nam):\n    return None\n")
    done = kt.play("hi")
    for part in ("'sig'", "kt-sig 1.2", "kt_resolve", "nam"):
        assert part in done.error
    assert done.code == 78
    assert kt.play("hi", "--skip-bad-plugins").out == "Hello there.\n"


def test_a_plugin_whose_target_is_gone_is_named(kt: Any, plugin: Any) -> None:
    plugin("odd", CLASS.format(body="pass", name="Gone"))
    done = kt.play("hi", "-p", "odd")
    for part in ("'odd'", "kt-odd 1.2", "no attribute 'Gone'"):
        assert part in done.error
    assert done.code == 78
    skipped = kt.play("hi", "-p", "odd", "--skip-bad-plugins")
    assert skipped.out == "Hello there.\n"
    assert "kt: plugin 'odd' is left out" in skipped.err


@pytest.mark.parametrize(("body", "cause"), [(WRONG_ARGUMENT, "trun"), (RAISES, "no luck")])
def test_a_plugin_class_that_does_not_fit_is_named(kt: Any, plugin: Any, body: str, cause: str) -> None:
    plugin("odd", CLASS.format(body=body, name="Odd"))
    done = kt.play("hi", "-p", "odd")
    for part in ("odd", "kt-odd 1.2", cause):
        assert part in done.error
    assert done.code == 78
    assert kt.play("hi", "-p", "odd", "--skip-bad-plugins").out == "Hello there.\n"


@pytest.mark.parametrize("name", ["Gone", "Odd"])
def test_a_guard_is_never_skipped(kt: Any, plugin: Any, name: str) -> None:
    plugin("odd", CLASS.format(body=WRONG_ARGUMENT, name=name))
    kt.home.mkdir(exist_ok=True)
    (kt.home / "config.toml").write_text('[profile.default]\nguards = ["odd"]\n')
    done = kt.play("hi", "--skip-bad-plugins")
    assert done.code == 78
    assert done.out == ""


def test_a_guard_that_no_plugin_provides_is_no_run_either(kt: Any) -> None:
    kt.home.mkdir(exist_ok=True)
    (kt.home / "config.toml").write_text('[profile.default]\nguards = ["absent"]\n')
    done = kt.play("hi", "--skip-bad-plugins")
    assert (done.code, done.out) == (78, "")


def test_one_name_claimed_twice_names_both_distributions(kt: Any, plugin: Any) -> None:
    source = "from kt import hookimpl\n@hookimpl\ndef kt_register(registry):\n    registry.tool('same', 'kt_x:y')\n"
    plugin("one", source, version="1.0")
    plugin("two", source, version="2.0")
    done = kt.play("hi")
    assert "tool 'same' is registered by kt-one 1.0 and by kt-two 2.0" in done.error
    assert done.error.startswith("error[E-CLASH]")
    assert done.code == 78
