"""Print what packs cost over what they are made of: `python tests/bench/packs.py [--quick]` (about a minute).

Each figure is the median of commands that take turns with their floor.
"""

import os
import shutil
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
import zipfile
from base64 import urlsafe_b64encode
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path

import uv

KT = shutil.which("kt", path=str(Path(sys.executable).parent)) or "kt"
CREATURE = "prompt: You count.\n"
MANIFEST = '[pack]\nname = "{0}"\nversion = "1.0"\ndescription = "For a benchmark"\nkt = ">=0.1"\nlicense = "MIT"\n'
PROVIDES = '[[provides]]\nkind = "creature"\nname = "c"\ndescription = "counts"\n'
ENTRY = "from kt import hookimpl\n\n\n@hookimpl\ndef kt_register(registry):\n    pass\n"


def wheel(folder: Path, name: str, *, plugin: bool = True) -> Path:
    """Return the wheel of a pack with a creature, and with a plugin or without."""
    module = name.replace("-", "_")
    info = f"{module}-1.0.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\nRequires-Dist: kt-core\nLicense: MIT\n"
    files = {
        f"{module}/__init__.py": ENTRY,
        f"{module}/kt-pack.toml": MANIFEST.format(name) + PROVIDES,
        f"{module}/creatures/c/creature.yaml": CREATURE,
        f"{info}/METADATA": metadata,
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: bench\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    if plugin:
        files[f"{info}/entry_points.txt"] = f"[kt]\n{module} = {module}\n"
    rows = [f"{path},sha256={_digest(text)},{len(text)}\n" for path, text in files.items()]
    files[f"{info}/RECORD"] = "".join([*rows, f"{info}/RECORD,,\n"])
    target = folder / f"{module}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(target, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    return target


def _digest(text: str) -> str:
    return urlsafe_b64encode(sha256(text.encode()).digest()).rstrip(b"=").decode()


def timed(command: Sequence[str | Path], home: Path) -> float:
    environment = {**os.environ, "KT_HOME": str(home), "UV_OFFLINE": "1"}
    began = time.perf_counter()
    subprocess.run(command, env=environment, cwd=home, check=True, capture_output=True, stdin=subprocess.DEVNULL)
    return time.perf_counter() - began


def ratio(ours: Callable[[], float], floor: Callable[[], float], rounds: int) -> float:
    """Return the median of `ours` over that of `floor`, measured in turns."""
    pairs = [(ours(), floor()) for _ in range(rounds)]
    return statistics.median(p[0] for p in pairs) / statistics.median(p[1] for p in pairs)


def beside(work: Path) -> Path:
    """Return the Python of an environment in which uv finds what is installed in ours."""
    subprocess.run([uv.find_uv_bin(), "venv", "-q", "--python", sys.executable, work / "env"], check=True)
    site = next((work / "env").glob("lib/*/site-packages"))
    for info in Path(sysconfig.get_path("purelib")).glob("*.dist-info"):
        shutil.copytree(info, site / info.name)
    return work / "env" / "bin" / "python"


def installing(work: Path, rounds: int) -> float:
    """Return what `kt install` of a wheel costs over `uv pip install` of the same wheel, both with warm caches."""
    made, home = wheel(work, "kt-bench-pack"), work / "home"
    there = ["--python", beside(work)]
    home.mkdir()

    def ours() -> float:
        taken = timed([KT, "install", made, "--yes"], home)
        timed([KT, "uninstall", "kt-bench-pack", "--yes"], home)
        return taken

    def floor() -> float:
        taken = timed([uv.find_uv_bin(), "pip", "install", *there, made], work)
        timed([uv.find_uv_bin(), "pip", "uninstall", *there, "kt-bench-pack"], work)
        return taken

    ours(), floor()
    return ratio(ours, floor, rounds)


def starting(work: Path, rounds: int) -> float:
    """Return what a run costs with 80 more distributions in the overlay, 20 of them plugins, over one without."""
    homes = {count: work / f"home{count}" for count in (0, 80)}
    for count, home in homes.items():
        home.mkdir()
        (home / "pack").mkdir()
        (home / "pack" / "creature.toml").write_text('prompt = "You count."\n')
        if count:
            wheels = [wheel(work, f"kt-bench-{n}", plugin=n < 20) for n in range(count)]
            timed([KT, "install", "--yes", *wheels], home)
    run = [KT, "run", "./pack", "hello", "--model", "scripted", "--no-session"]
    return ratio(lambda: timed(run, homes[80]), lambda: timed(run, homes[0]), rounds)


def main() -> None:
    rounds = 2 if "--quick" in sys.argv else 9
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        for text, figure, goal in (
            ("kt install of a wheel / uv pip install", installing(work, rounds), 3.0),
            ("kt run with 80 more distributions", starting(work, rounds), 1.3),
        ):
            print(f"{text:<45}{figure:8.2f}   goal {goal}")


if __name__ == "__main__":
    main()
