"""kt install and kt uninstall: what they refuse, what uv says, and that nothing happens without a yes.

That an installed wheel works is shown in e2e/test_wheel.py, in an environment of its own.
"""

from pathlib import Path

import pytest
import uv
from kt import Plugins
from kt.errors import ConfigError, UsageError
from kt_marketplace.install import InstallFailed, main, uninstall


@pytest.fixture(scope="module")
def plugins() -> Plugins:
    return Plugins()


@pytest.fixture
def without_uv(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take uv away, so that a test that fails can't change the environment it runs in."""
    monkeypatch.setattr(uv, "find_uv_bin", _not_there)


def _not_there() -> str:
    raise FileNotFoundError("uv")


@pytest.mark.parametrize("command", [main, uninstall])
@pytest.mark.parametrize("words", [["--help"], ["-h"], ["kt-x", "--help"]])
def test_help_is_printed_and_nothing_done(
    plugins: Plugins, capsys: pytest.CaptureFixture[str], command: object, words: list[str]
) -> None:
    assert command(words, plugins) == 0  # type: ignore[operator]
    assert capsys.readouterr().out.startswith("Usage: kt ")


@pytest.mark.parametrize(
    ("command", "words", "says"),
    [
        (main, [], "name a pack"),
        (main, ["--yes"], "name a pack"),
        (main, ["--force", "kt-x"], "no option --force"),
        (main, ["kt-x"], "needs a yes"),
        (uninstall, [], "name a pack"),
        (uninstall, ["-r", "x"], "no option -r"),
        (uninstall, ["kt-core"], "is kt itself"),
        (uninstall, ["kt-x", "@kterrarium"], "is kt itself"),
        (uninstall, ["KT_Core"], "is kt itself"),
        (uninstall, ["kt.core>=0"], "is kt itself"),
        (uninstall, ["Kterrarium[all]"], "is kt itself"),
    ],
)
def test_what_makes_no_sense_is_refused(
    plugins: Plugins, without_uv: None, command: object, words: list[str], says: str
) -> None:
    with pytest.raises(UsageError, match=says):
        command(words, plugins)  # type: ignore[operator]


def test_without_uv_nothing_can_be_installed(plugins: Plugins, without_uv: None) -> None:
    for command in (main, uninstall):
        with pytest.raises(ConfigError, match="uv is not installed"):
            command(["--yes", "kt-x"], plugins)


def test_what_uv_says_is_told_and_nothing_is_changed(plugins: Plugins, tmp_path: Path) -> None:
    (tmp_path / "broken-1.0-py3-none-any.whl").write_bytes(b"no archive")
    with pytest.raises(InstallFailed, match=r"uv install failed: .*broken") as raised:
        main(["--yes", str(tmp_path / "broken-1.0-py3-none-any.whl")], plugins)
    assert raised.value.hint == "nothing was changed"
    assert "\n" not in raised.value.what


def test_a_pack_that_would_replace_the_kernel_is_refused(plugins: Plugins, tmp_path: Path) -> None:
    folder = tmp_path / "kt-greedy"
    (folder / "kt_greedy").mkdir(parents=True)
    (folder / "kt_greedy" / "__init__.py").write_text("")
    (folder / "pyproject.toml").write_text(
        '[project]\nname = "kt-greedy"\nversion = "1"\nrequires-python = ">=3.11"\ndependencies = ["kt-core>=99"]\n'
        '[build-system]\nrequires = ["uv_build>=0.9,<1"]\nbuild-backend = "uv_build"\n'
        '[tool.uv.build-backend]\nmodule-root = ""\n'
    )
    with pytest.raises(InstallFailed, match="kt-core"):
        main(["--yes", str(folder)], plugins)
