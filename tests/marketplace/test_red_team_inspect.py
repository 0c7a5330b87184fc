"""Attacks that a look at a wheel must see; those that it misses have a mark."""

import sys
from pathlib import Path

import pytest
from kt import Plugins
from kt_marketplace.index.folder import IndexFolder
from kt_marketplace.inspect import Wheel, inspect
from kt_marketplace.install.base import below
from kt_marketplace.install.errors import Refused
from kt_marketplace.install.path import folders
from kt_marketplace.official import names as official

from .installing import Asked, Home
from .red_team import CREATURE, REGISTERS, A, kt, made
from .test_install_folders import repository as repository


@pytest.mark.parametrize(
    "text",
    [
        "prompt: x\ntools: ['${KT_NOT_SET:bash}']\n",
        "prompt: x\ninput: '${KT_NOT_SET:http}'\n",
        "prompt: x\nbase: '@kt-biome/creatures/swe'\n",
        "prompt: x\nsubagents: [worker]\n",
        "prompt: 'Say ${DATABASE_URL}.'\n",
    ],
)
def test_a_creature_needs_what_it_comes_to_have(tmp_path: Path, text: str) -> None:
    found = inspect(Wheel.read(made(tmp_path, {CREATURE: text}, provides=A)), installed=below(), official=official())
    assert found.refused or found.asks


def test_a_need_is_no_sentence(tmp_path: Path) -> None:
    wheel = made(tmp_path, needs={"exec": ["nothing beyond computing"], "net": ["a.example" + "\u2800" * 300]})
    assert Wheel.read(wheel).manifest is None


@pytest.mark.parametrize(
    ("kind", "name"), [("plugin", "permissions"), ("plugin", "sandbox"), ("command", "uninstall"), ("consent", "packs")]
)
def test_a_pack_takes_nothing_over_unseen(home: Home, tmp_path: Path, kind: str, name: str) -> None:
    code = REGISTERS.format(f"registry.add({kind!r}, {name!r}, 'zpond.p:P', override=True)")
    person = Asked()
    try:
        _, person = home.install(made(tmp_path, {"zpond/__init__.py": code, "zpond/p.py": ""}, provides=[(kind, name)]))
    except Refused:
        return
    sys.path += folders()
    assert Plugins().registry.entry(kind, name).dist != "zpond" or "takes over" in person.text


def test_no_source_looks_official(home: Home, tmp_path: Path) -> None:
    folder = IndexFolder(tmp_path / "index", name="0fficial", publisher="terrarium")
    folder.add(Wheel.read(made(tmp_path)))
    folder.write(None, days=9)
    assert kt("marketplace", "add", str(tmp_path / "index"), "--yes").returncode == 2
