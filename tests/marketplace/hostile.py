"""Wheels that do harm, each with what an inspection must say of it.

They stand beside a site-packages with the distribution "victim" (see `victim`), whose module, program and entry point
are all called victim.
"""

import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

from .hostile_code import CODE, Hostile, packed
from .wheels import Files, make_pack, make_wheel, pack, record, unpack

OFFICIAL = ("kt-core", "kt-biome", "kt-yaml", "kt-websearch", "kt-marketplace", "kt-builtin-tools")


def victim(folder: Path) -> Path:
    """Return a site-packages with a kernel 0.1.0 and a distribution called victim."""
    kernel = make_wheel(folder, "kt-core", "0.1.0", {"kt/__init__.py": ""})
    points = {"kt": {"victim": "victim"}, "console_scripts": {"victim": "victim:main"}}
    files = {"victim/__init__.py": "", "victim/data.txt": "", "shared/victim_part.py": "", "victim_single.py": ""}
    other = make_wheel(folder, "victim", files=files, entry_points=points)
    site = folder / "site-packages"
    unpack(kernel, site)
    return unpack(other, site)


def _scripts(**names: str) -> dict[str, dict[str, str]]:
    return {"kt": {"kt_x": "kt_x"}, "console_scripts": names}


def _tampered(change: Callable[[Files], None]) -> Callable[[Path], Path]:
    return packed(tamper=change)


def _changed(files: Files) -> None:
    files["kt_x/__init__.py"] += b"changed = True\n"


def _unlisted(files: Files) -> None:
    files["kt_x/more.py"] = b""


def _absent(files: Files) -> None:
    del files["kt_x/kt-pack.toml"]


def _weak(files: Files) -> None:
    dist_info = "kt_x-1.0.dist-info"
    del files[f"{dist_info}/RECORD"]
    files[f"{dist_info}/RECORD"] = record(files, dist_info, "md5")


def _encoded(files: Files) -> None:
    dist_info = "kt_x-1.0.dist-info"
    del files[f"{dist_info}/RECORD"]
    files["kt_x/odd.py"] = b"# coding: utf-7\n+AG8-s.system"
    files[f"{dist_info}/RECORD"] = record(files, dist_info)


def _member(name: str, *, kind: int = stat.S_IFREG, data: bytes = b"x") -> Callable[[Path], Path]:
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr = 3, (kind | 0o777) << 16
    return packed(members=[(info, data)])


def _bomb(folder: Path) -> Path:
    info = zipfile.ZipInfo("kt_x/bomb.txt")
    info.compress_type = zipfile.ZIP_DEFLATED
    return make_pack(folder, "kt-x", members=[(info, bytes(210 << 20))])


def _dense(folder: Path) -> Path:
    info = zipfile.ZipInfo("kt_x/dense.txt")
    info.compress_type = zipfile.ZIP_DEFLATED
    return make_pack(folder, "kt-x", members=[(info, bytes(30 << 20))])


def _patched(before: bytes, after: bytes) -> Callable[[Path], Path]:
    """Change the first place of some bytes, which is in a member's own header."""

    def make(folder: Path) -> Path:
        path = make_pack(folder, "kt-x")
        path.write_bytes(path.read_bytes().replace(before, after, 1))
        return path

    return make


def _nul(folder: Path) -> Path:
    path = make_pack(folder, "kt-x", files={"kt_x/nul#.py": ""})
    path.write_bytes(path.read_bytes().replace(b"kt_x/nul#.py", b"kt_x/nul\0.py"))
    return path


def _between(folder: Path) -> Path:
    """Put a member into the archive that its directory does not list."""
    path = make_pack(folder, "kt-x", members=[(zipfile.ZipInfo("kt_x/hidden.py"), b"hidden = True\n")])
    data = path.read_bytes()
    start = int.from_bytes(data[-6:-2], "little")
    entry = data.rindex(b"PK\x01\x02")
    directory = data[start:entry]
    count = int.from_bytes(data[-12:-10], "little") - 1
    end = b"PK\5\6\0\0\0\0" + count.to_bytes(2, "little") * 2 + len(directory).to_bytes(4, "little")
    path.write_bytes(data[:start] + directory + end + start.to_bytes(4, "little") + b"\0\0")
    return path


def _hidden_dist_info(folder: Path) -> Path:
    points = "[kt]\nvictim2 = os\n"
    return make_pack(folder, "kt-x", files={"other-1.0.dist-info/entry_points.txt": points})


ENCRYPTED = _patched(b"PK\x03\x04\x14\x00\x00\x00", b"PK\x03\x04\x14\x00\x01\x00")

HOSTILE: dict[str, Hostile] = {
    **CODE,
    # what it would overwrite or stand before
    "brings kt": Hostile(packed({"kt/__init__.py": ""}), "module", "called kt"),
    "brings kt.py": Hostile(packed({"kt.py": ""}), "module", "called kt"),
    "brings kt by .data": Hostile(packed({"kt_x-1.0.data/purelib/kt/__init__.py": ""}), "module", "called kt"),
    "shadows an installed module": Hostile(packed({"victim/extra.py": ""}), "module", "victim, which victim has"),
    "shadows a single module": Hostile(packed({"victim_single.so": ""}), "module", "victim_single, which victim has"),
    "shadows Python's": Hostile(packed({"json/__init__.py": ""}), "module", "json, which is Python's"),
    "overwrites a file": Hostile(packed({"shared/victim_part.py": ""}), "overwrite", "shared/victim_part.py"),
    "takes a namespace": Hostile(packed({"shared/__init__.py": ""}), "module", "shared, which victim has"),
    "brings other metadata": Hostile(_hidden_dist_info, "dist-info", "other-1.0.dist-info"),
    "brings an egg": Hostile(packed({"kt_yaml.egg-info/entry_points.txt": "[kt]\n"}), "dist-info", "kt_yaml.egg-info"),
    "brings an egg as a file": Hostile(packed({"kt_yaml-1.egg-info": ""}), "dist-info", "kt_yaml-1.egg-info"),
    # what would run without being asked
    "pth": Hostile(packed({"kt_x.pth": "import os"}), "pth", "kt_x.pth"),
    "pth by .data": Hostile(packed({"kt_x-1.0.data/platlib/a.pth": "import os"}), "pth", "a.pth"),
    "sitecustomize": Hostile(packed({"sitecustomize.py": ""}), "startup", "sitecustomize"),
    "usercustomize as a package": Hostile(packed({"usercustomize/__init__.py": ""}), "startup", "usercustomize"),
    "compiled": Hostile(packed({"kt_x/__pycache__/work.cpython-311.pyc": "x"}), "bytecode", "work.cpython-311.pyc"),
    "pytest plugin": Hostile(
        packed(entry_points={"kt": {"kt_x": "kt_x"}, "pytest11": {"x": "kt_x"}}), "group", "pytest loads", "ask"
    ),
    "finder": Hostile(packed(entry_points={"kt": {"kt_x": "kt_x"}, "kt.path": {"x": "kt_x:f"}}), "kt-path", "kt.path"),
    # what other programs obey
    "repository": Hostile(packed({"kt_x/fixture/.git/config": ""}), "git", "kt_x/fixture/.git/config"),
    "repository elsewhere": Hostile(packed({"kt_x/fixture/.GIT": "gitdir: x"}), "git", "kt_x/fixture/.GIT"),
    "settings of uv": Hostile(packed({"uv.toml": ""}), "settings", "uv.toml beside all packages"),
    "settings of uv by .data": Hostile(packed({"kt_x-1.0.data/purelib/uv.toml": ""}), "settings", "uv.toml beside all"),
    "settings of uv in a package": Hostile(packed({"kt_x/t/uv.toml": ""}), "settings", "kt_x/t/uv.toml; inst", "ask"),
    "settings of npm": Hostile(packed({"kt_x/.npmrc": ""}), "settings", "kt_x/.npmrc", "ask"),
    "conftest": Hostile(packed({"conftest.py": ""}), "settings", "conftest.py beside all packages; pytest loads it"),
    "conftest in a package": Hostile(packed({"kt_x/conftest.py": ""}), "settings", "kt_x/conftest.py", "ask"),
    "metadata in a package": Hostile(
        packed({"kt_x/y-1.dist-info/entry_points.txt": ""}), "dist-info", "kt_x/y-1.dist-info", "ask"
    ),
    # programs
    "script kt": Hostile(packed(entry_points=_scripts(kt="kt_x:main")), "script", "program kt"),
    "script python3": Hostile(packed(entry_points=_scripts(**{"python3.11": "kt_x:main"})), "script", "python3.11"),
    "script Git.exe": Hostile(packed(entry_points=_scripts(**{"Git.exe": "kt_x:main"})), "script", "Git.exe"),
    "script of another": Hostile(packed(entry_points=_scripts(victim="kt_x:main")), "script", "victim has"),
    "script outside": Hostile(packed(entry_points=_scripts(**{"../../kt": "kt_x:main"})), "script", "../../kt"),
    "sudo": Hostile(packed({"kt_x-1.0.data/scripts/sudo": "#!python"}), "script", "program sudo"),
    "data": Hostile(packed({"kt_x-1.0.data/data/etc/cron.d/x": ""}), "data", "etc/cron.d/x"),
    "headers": Hostile(packed({"kt_x-1.0.data/headers/Python.h": ""}), "data", "Python.h"),
    # entry points
    "module of another": Hostile(packed(entry_points={"kt": {"x": "victim"}}), "entry-points", "module victim"),
    "name of another": Hostile(packed(entry_points={"kt": {"victim": "kt_x"}}), "clash", "kt-x and victim both"),
    "unknown group": Hostile(packed(entry_points={"kt.new": {"x": "kt_x"}}), "group", "kt.new", "ask"),
    # RECORD
    "changed after RECORD": Hostile(_tampered(_changed), "record", "kt_x/__init__.py"),
    "not in RECORD": Hostile(_tampered(_unlisted), "record", "kt_x/more.py"),
    "only in RECORD": Hostile(_tampered(_absent), "record", "kt_x/kt-pack.toml"),
    "md5": Hostile(_tampered(_weak), "record", "md5"),
    # the archive
    "..": Hostile(_member("../../evil.py"), "path", "../../evil.py"),
    "absolute": Hostile(_member("/etc/passwd"), "path", "/etc/passwd"),
    "drive": Hostile(_member("C:/evil.py"), "path", "C:/evil.py"),
    "backslash": Hostile(_member("kt_x\\..\\evil.py"), "path", "evil.py"),
    "escape codes": Hostile(_member("kt_x/\x1b[2Kgood.py"), "path", "\\x1b[2Kgood.py"),
    "NUL": Hostile(_nul, "path", "kt_x/nul\\x00.py"),
    "symlink": Hostile(_member("kt_x/link", kind=stat.S_IFLNK, data=b"/etc"), "symlink", "kt_x/link"),
    "device": Hostile(_member("kt_x/pipe", kind=stat.S_IFIFO), "special", "kt_x/pipe"),
    "twice by case": Hostile(packed({"kt_x/Work.py": "", "kt_x/work.py": ""}), "duplicate", "kt_x/work.py"),
    "twice by form": Hostile(packed({"kt_x/ﬁ.txt": "", "kt_x/fi.txt": ""}), "duplicate", "kt_x/fi.txt"),
    "file and folder": Hostile(packed({"kt_x/a": "", "kt_x/a/b.py": ""}), "duplicate", "kt_x/a"),
    "zip bomb": Hostile(_bomb, "bomb", "too large: 210 MiB"),
    "dense member": Hostile(_dense, "bomb", "kt_x/dense.txt"),
    "another name inside": Hostile(_patched(b"kt_x/__init__.py", b"kt/__init__.py.."), "header", "kt_x/__init__.py"),
    "encrypted inside": Hostile(ENCRYPTED, "header", "disagree"),
    "hidden member": Hostile(_between, "header", "does not list"),
    # dependencies, versions, names
    "URL dependency": Hostile(packed(requires=["y @ https://evil.example/y.whl"]), "url", "https://evil.example/y.whl"),
    "confusable dependency": Hostile(packed(requires=["kt-yarnl>=1"]), "name", "kt-yaml", "ask"),
    "one letter off": Hostile(lambda folder: make_pack(folder, "kt-biorne"), "name", "kt-biome", "ask"),
    "a letter missing": Hostile(lambda folder: make_pack(folder, "kt-websarch"), "name", "kt-websearch", "ask"),
    "kernel range": Hostile(packed(kt=">=9"), "kernel", "needs kt-core >=9; 0.1.0 is installed"),
    "kernel requirement": Hostile(packed(requires=["kt-core<0.1"]), "kernel", "needs kt-core <0.1; 0.1.0"),
    "Python range": Hostile(packed(requires_python=">=4"), "python", "needs Python >=4"),
    "another machine": Hostile(packed(tag="cp311-cp311-win_arm64"), "tags", "win_arm64"),
    "name of the manifest": Hostile(packed(manifest=pack("kt-biome")), "name", "its manifest says kt-biome"),
    "version of the manifest": Hostile(packed(manifest=pack("kt-x", "2.0")), "version", "its manifest says 2.0"),
    "name of METADATA": Hostile(
        packed(metadata="Metadata-Version: 2.4\nName: kt-y\nVersion: 1.0\n\n"), "name", "METADATA says kt-y"
    ),
    "version of METADATA": Hostile(
        packed(metadata="Metadata-Version: 2.4\nName: kt-x\nVersion: 2.0\n\n"), "version", "METADATA 2.0"
    ),
    "broken manifest": Hostile(packed(manifest="[pack"), "manifest", "broken TOML"),
    "no manifest": Hostile(
        lambda folder: make_wheel(folder, "kt-x", entry_points={"kt": {"x": "kt_x"}}), "manifest", "no kt-pack.toml"
    ),
    "an odd encoding": Hostile(_tampered(_encoded), "syntax", "kt_x/odd.py", "ask"),
}
