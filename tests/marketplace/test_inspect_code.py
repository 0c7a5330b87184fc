"""What a look at code sees, and what it takes for harmless."""

import pytest
from kt_marketplace.inspect.code import Code
from kt_marketplace.inspect.code_file import look
from kt_marketplace.needs import Needs


def seen(source: str | bytes) -> Code:
    code = Code()
    look(source if isinstance(source, bytes) else source.encode(), "x.py", code)
    return code


@pytest.mark.parametrize(
    "source",
    [
        "import os\np = os.path.join('a', os.environ['HOME'])\n",
        "import os\nif 'OPENAI_API_KEY' in os.environ: pass\n",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import socket\n",
        "import typing\nif typing.TYPE_CHECKING:\n    import subprocess\n",
        "import re\np = re.compile(input())\n",
        "from re import compile\np = compile(input())\n",
        "class Model:\n    def eval(self): pass\nModel().eval()\n",
        "def f(x): return getattr(x, 'system')\n",
        "from .socket import thing\nfrom . import subprocess\n",
        "import urllib.parse\nimport http\nfrom asyncio import sleep\n",
        "def create_server(): pass\n",
        "class Sh:\n    system = 1\nSh.system\n",
        "import importlib.resources\n",
        "exec('x = 1')\n",
        "from dotenv import load_dotenv\nload_dotenv(override=True)\n",
        "from typing import override\nclass A:\n    @override\n    def owner(self): return self.owner\n",
        "def kt_register(registry):\n    registry.tool('a', A, override=False)\n    registry.names('tool')\n",
        "class Shelf:\n    def f(self): self._entries.drop(self.owner)\nupdate(registry, override=1)\n",
        "shelf.add('a', 'b', override=True)\n",
        "",
        "\ufeffx = 1\n",
    ],
)
def test_harmless(source: str) -> None:
    assert seen(source) == Code()


def test_type_checking_counts_only_where_it_is_typing_s() -> None:
    for line in ("from x import TYPE_CHECKING", "TYPE_CHECKING = 1", "from typing import Any as TYPE_CHECKING"):
        assert "net" in seen(f"{line}\nif TYPE_CHECKING:\n    import socket\n").reaches
    assert "net" in seen("import x as typing\nif typing.TYPE_CHECKING:\n    import socket\n").reaches
    code = seen("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    pass\nelse:\n    import socket\n")
    assert code.reaches == {"net": {"socket": "x.py:5"}}


def test_each_name_has_its_first_place() -> None:
    code = seen("import os, socket\n\nos.system('x')\nos.system('y')\nsocket.socket()\n")
    assert code.reaches == {"net": {"socket": "x.py:1"}, "exec": {"os.system": "x.py:3"}}


def test_needs_of_tools() -> None:
    code = seen("import kt\nA = kt.ToolNeeds(('@path',), net=['h'])\nB = kt.ToolNeeds(exec=X)\nC = kt.ToolNeeds(**D)\n")
    asked = [("x.py:2", Needs(reads=("@path",), net=("h",))), ("x.py:3", Needs()), ("x.py:4", Needs())]
    assert code.tools == asked
    assert code.hidden == {"computed exec of ToolNeeds": "x.py:3", "computed needs of ToolNeeds": "x.py:4"}


@pytest.mark.parametrize(
    "source",
    [
        b"\xff",
        b"x = '\0'\n",
        b"# coding: rot13\nvzcbeg bf\n",
        b"#!/usr/bin/python\n# -*- coding: utf-16 -*-\n",
        b"(" * 100_000,
        b"x = " + b"-" * 100_000 + b"1\n",
        b"x = " + b"+".join([b"a"] * 50_000) + b"\n",
        b"#" * (3 << 20),
        b"if x:\nimport os\n",
    ],
)
def test_what_is_no_readable_python_is_said(source: bytes) -> None:
    assert list(seen(source).unreadable) == ["x.py"]
