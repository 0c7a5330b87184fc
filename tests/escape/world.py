"""What an escape would touch: files outside, keys, listeners, a process of somebody else. Judged from outside."""

import os
import shlex
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

CANARY = "CANARY7f3a91"
SYSTEM_PYTHON = "/usr/bin/python3" if Path("/usr/bin/python3").exists() else sys.executable


@dataclass
class World:
    """A home with keys, a folder outside, a git repository to work in, listeners that note who came, and a victim."""

    base: Path
    hits: set[str] = field(default_factory=set)
    ports: dict[str, int] = field(default_factory=dict)
    victim: "subprocess.Popen[bytes] | None" = None

    @property
    def home(self) -> Path:
        return self.base / "home"

    @property
    def out(self) -> Path:
        return self.base / "outside"

    @property
    def work(self) -> Path:
        return self.home / "work"

    @property
    def pid(self) -> int:
        assert self.victim is not None
        return self.victim.pid

    def victim_lives(self) -> bool:
        assert self.victim is not None
        return self.victim.poll() is None

    def fill(self) -> None:
        """Write everything as it was before any attempt."""
        for folder in (self.home, self.out):
            subprocess.run(["rm", "-rf", str(folder)], check=True)
            folder.mkdir(parents=True)
        self.work.mkdir()
        for name, text in {
            ".ssh/id_rsa": CANARY,
            ".config/kterrarium/keys.json": CANARY,
            ".aws/credentials": CANARY,
            "notes.txt": CANARY,
            ".bashrc": "",
        }.items():
            file = self.home / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        (self.out / "file").write_text(CANARY)
        (self.out / "file").chmod(0o644)
        git = "git init -q && git config user.email a@b.c && git config user.name a"
        make = "mkdir -p .kt sub && echo '{}' > .kt/config.toml && echo hi > f && (cd sub && git init -q)"
        save = "rm -rf .git/hooks && mkdir .git/hooks && git add -f f .kt && git commit -qm first"
        env = {"PATH": os.environ["PATH"], "HOME": str(self.home)}
        subprocess.run(["sh", "-c", f"{git} && {make} && {save}"], cwd=self.work, env=env, check=True)

    def listen(self) -> None:
        """Listen on loopback, on an abstract and on a path socket; each notes its name in `hits`."""
        kinds = [("tcp4", socket.AF_INET, ("127.0.0.1", 0)), ("tcp6", socket.AF_INET6, ("::1", 0))]
        kinds += [("abstract", socket.AF_UNIX, f"\0kt-{os.getpid()}"), ("path", socket.AF_UNIX, str(self.base / "s"))]
        for name, family, address in kinds:
            server = socket.socket(family)
            with suppress(OSError):
                server.bind(address)
                server.listen(16)
                if family != socket.AF_UNIX:
                    self.ports[name] = server.getsockname()[1]
            self._serve(server, name, lambda s: s.accept()[0].close())
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.bind(("127.0.0.1", 0))
        self.ports["udp"] = udp.getsockname()[1]
        self._serve(udp, "udp", lambda s: s.recv(100))

    def _serve(self, server: socket.socket, name: str, take: Callable[[socket.socket], object]) -> None:
        def serve() -> None:
            with server, suppress(OSError):
                while True:
                    take(server)
                    self.hits.add(name)

        threading.Thread(target=serve, daemon=True).start()

    def hurt(self) -> None:
        """Start a process of somebody else, with a secret in its environment and on its command line."""
        self.victim = subprocess.Popen(
            ["sh", "-c", f"sleep 600 # {CANARY}-cmdline"], env={"SECRET": CANARY, "PATH": os.environ["PATH"]}
        )

    def end(self) -> None:
        if self.victim is not None:
            self.victim.kill()
            self.victim.wait()
        subprocess.run(["rm", "-rf", str(self.base)], check=False)


def python(code: str) -> str:
    """Return the shell words that run Python code with the system's Python."""
    return f"{SYSTEM_PYTHON} -c {shlex.quote(code)}"
