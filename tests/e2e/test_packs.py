"""From an empty environment to a running creature: a signed index and a package index on loopback, uv or pip only."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from .product import CLEAN, Product, run, uv, wheel_of

SCRIPT = """
- {tool: write, args: {path: hello.py, content: "print('hello')"}}
- {tool: bash, args: {command: python3 hello.py}}
- It prints hello.
"""


@contextmanager
def served(kt: Path, folder: Path, env: dict[str, str]) -> Iterator[str]:
    """Serve an index with `kt marketplace serve`; yield the folder's address."""
    process = subprocess.Popen(
        [kt, "marketplace", "serve", folder], env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip().removesuffix("index.json")
    finally:
        process.terminate()
        process.wait(10)
        process.stdout.close()


class Market:
    """A signed index with packs of the workspace, made in the environment that has what signing needs."""

    def __init__(self, folder: Path, wheels: list[Path]) -> None:
        self.folder = folder / "index"
        kt, words = Path(sys.executable).parent / "kt", ["--name", "team", "--new-key", folder / "key"]
        said = run(kt, "marketplace", "publish", *wheels, "--index", self.folder, *words)
        found = re.search(r"public key (\S+)", said)
        assert found is not None
        self.public = found[1]


@pytest.fixture(scope="module")
def market(wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> Market:
    packs = [wheel_of(wheels, name) for name in ("kt-biome", "kt-keyring")]
    return Market(tmp_path_factory.mktemp("market"), packs)


def walk(product: Product, market: Market) -> None:
    """Search, install and run, as a new user does, in an environment without the pack."""
    with served(product.bin / "kt", market.folder, product.env) as address:
        product.env["KT_INDEX"] = f"{address}index.json#ed25519={market.public}"
        product.env["UV_DEFAULT_INDEX"] = f"{address}simple/"
        found = json.loads(product.kt("marketplace", "search", "code", "--kind", "creature", "--json").stdout)
        assert found[0]["name"] == "kt-biome"
        assert (found[0]["source"], found[0]["installed"]) == ("team", "")
        assert product.kt("run", "@kt-biome/creatures/swe", "hi", "--model", "scripted").returncode == 66
        refused = product.kt("install", "@kt-biome")
        assert refused.returncode == 77
        assert "creature general, swe" in refused.stderr
        assert "may      run programs" in refused.stderr
        done = product.kt("install", "@kt-biome", "--yes")
        assert (done.returncode, done.stdout) == (0, "installed kt-biome 0.1.0\n"), done.stderr
        (product.work / "script.yaml").write_text(SCRIPT)
        ran = product.kt("run", "@kt-biome/creatures/swe", "Say hello", "--scripted", "script.yaml", "--output", "json")
        result = json.loads(ran.stdout)
        assert (result["status"], result["text"]) == ("ok", "It prints hello."), ran.stdout
        assert result["tool_calls"][1]["result"].startswith("hello")
    # The servers are gone; what is installed stays, and the search works from the cache.
    assert product.kt("install", "@kt-biome", "--yes").stdout == "@kt-biome is there already\n"
    cached = json.loads(product.kt("marketplace", "search", "code", "--json").stdout)
    assert next(row for row in cached if row["name"] == "kt-biome")["installed"] == "0.1.0"
    assert "kt-biome 0.1.0" in product.kt("list").stdout


def test_search_install_and_run_in_an_environment_of_uv(product: Product, market: Market) -> None:
    uv("pip", "uninstall", "-q", "--python", product.bin / "python", "kt-biome")
    walk(product, market)
    doctor = product.kt("doctor", "@kt-biome/creatures/swe").stdout
    assert "ok   packs: kt-biome 0.1.0" in doctor
    assert "ok   creature @kt-biome/creatures/swe" in doctor
    assert product.kt("uninstall", "kt-biome", "--yes").returncode == 0
    assert product.kt("run", "@kt-biome/creatures/swe", "hi", "--model", "scripted").returncode == 66
    assert product.kt("rollback", "--yes").returncode == 0
    assert product.kt("run", "@kt-biome/creatures/swe", "hi", "--model", "scripted").returncode == 0


def test_the_same_with_nothing_but_pip(product: Product, market: Market, wheels: Path, tmp_path: Path) -> None:
    run(sys.executable, "-m", "venv", tmp_path / "env")
    pip = [tmp_path / "env" / "bin" / "python", "-m", "pip", "-q"]
    run(*pip, "install", "--find-links", wheels, "kterrarium")
    run(*pip, "uninstall", "-y", "kt-biome")
    plain = Product.__new__(Product)
    plain.bin, plain.work = tmp_path / "env" / "bin", tmp_path / "work"
    plain.work.mkdir()
    plain.env = CLEAN | {"KT_HOME": str(tmp_path / "home"), "PATH": f"{plain.bin}:/usr/bin:/bin"}
    walk(plain, market)


def test_two_processes_install_one_after_the_other(product: Product, market: Market, tmp_path: Path) -> None:
    env = product.env | {"KT_HOME": str(tmp_path / "home")}
    command = [
        product.bin / "kt",
        "install",
        "--yes",
        str(market.folder / "wheels" / "kt_biome-0.1.0-py3-none-any.whl"),
    ]
    both = [subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in "ab"]
    ended = [(*process.communicate(timeout=60), process.returncode) for process in both]
    assert 0 in [code for _, _, code in ended]
    assert all(code == 0 or (code == 75 and "E-BUSY" in said) for _, said, code in ended), ended


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_an_installation_that_is_killed_changes_nothing(product: Product, market: Market, tmp_path: Path) -> None:
    home = tmp_path / "home"
    env = product.env | {"KT_HOME": str(home)}
    wheel = str(market.folder / "wheels" / "kt_biome-0.1.0-py3-none-any.whl")
    for delay in (0.15, 0.25, 0.35, 0.45, 0.55):
        process = subprocess.Popen([product.bin / "kt", "install", "--yes", wheel], env=env, stderr=subprocess.DEVNULL)
        time.sleep(delay)
        process.kill()
        process.wait()
        listed = subprocess.run([product.bin / "kt", "doctor"], env=env, capture_output=True, text=True, check=False)
        assert ("ok   packs: kt-biome 0.1.0" in listed.stdout) == (home / "kt.lock").is_file(), listed.stdout
    done = subprocess.run([product.bin / "kt", "install", "--yes", wheel], env=env, capture_output=True, check=False)
    assert done.returncode == 0
    assert not list((home / "packs").glob("work-*"))
