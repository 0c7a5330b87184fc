"""The attempts as data: what is run inside, how its success shows outside, and whether Landlock's gaps let it out."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .world import CANARY, World, python

Shown = Callable[[World, str], bool]


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt. `command` may hold {out}, {home}, {work}, {pid}, {base} and {PORT}s of listeners.

    `gap` says that partial walls let it out, as published; `quota` that even full ones only watch it. `inert` names
    what makes it harmless on many machines without any walls, so that it proves nothing there; `unsafe` ones are not
    tried without walls. After `wait` seconds it is judged.
    """

    name: str
    command: str
    escaped: Shown
    gap: bool = False
    quota: bool = False
    inert: str = ""
    wait: float = 0.0
    timeout: float = 8.0
    unsafe: bool = False

    def filled(self, world: World) -> str:
        values = {
            "out": world.out,
            "home": world.home,
            "work": world.work,
            "base": world.base,
            "pid": world.pid,
            "parent": os.getpid(),
        }
        text = self.command
        for name, value in {**values, **world.ports}.items():
            text = text.replace("{" + name + "}", str(value))
        return text


def made(path: str) -> Shown:
    return lambda world, output: (world.base / path).exists()


def holds(path: str, text: str) -> Shown:
    return lambda world, output: text in (world.base / path).read_text()


def told(text: str = CANARY) -> Shown:
    return lambda world, output: text in output


def came(name: str) -> Shown:
    return lambda world, output: name in world.hits


def _mode(world: World, output: str) -> bool:
    return (world.out / "file").stat().st_mode & 0o777 == 0o777


def _old(world: World, output: str) -> bool:
    return (world.out / "file").stat().st_mtime < 1e9


def _attribute(world: World, output: str) -> bool:
    return "user.k" in os.listxattr(world.out / "file")


def _gone(world: World, output: str) -> bool:
    return not (world.out / "file").exists()


def _empty(world: World, output: str) -> bool:
    return (world.out / "file").stat().st_size == 0


def _raced(world: World, output: str) -> bool:
    return any(p.name.startswith("race") for p in world.out.iterdir())


def _killed(world: World, output: str) -> bool:
    return not world.victim_lives()


def _there(path: str) -> Shown:
    return lambda world, output: Path(path).exists()


def _grew(world: World, output: str) -> bool:
    return sum(p.stat().st_blocks * 512 for p in world.work.rglob("*") if p.is_file()) > 200 << 20


RACE = """
import os, threading, time
os.makedirs('d0', exist_ok=True)
os.symlink('{out}', 'd1')
stop = time.time() + 1
def flip():
    while time.time() < stop:
        for t in ('d0', 'd1'):
            try:
                os.symlink(t, 'dt'); os.replace('dt', 'dl')
            except OSError: pass
threading.Thread(target=flip).start()
i = 0
while time.time() < stop:
    i += 1
    try: open('dl/race%d' % (i % 50), 'w').close()
    except OSError: pass
"""
FORKS = """
import os, time
n = 0
for i in range(400):
    try: p = os.fork()
    except OSError: break
    if p == 0: time.sleep(1.5); os._exit(0)
    n += 1
print('FORKED' if n >= 400 else 'LIMITED', n)
"""
DAEMON = """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        for fd in (0, 1, 2): os.close(fd)
        time.sleep(1)
        open('lived', 'w')
    os._exit(0)
"""
SYSCALL = "import ctypes;l=ctypes.CDLL(None,use_errno=True);"

WRITES = (
    Attempt("w_abs", "echo x > {out}/a", made("outside/a")),
    Attempt("w_dotdot", "echo x > ../../outside/a", made("outside/a")),
    Attempt("w_home", "echo x > ../planted; echo x > {home}/planted; echo x > ~/planted", made("home/planted")),
    Attempt("w_symlink", "ln -s {out} l; echo x > l/a", made("outside/a")),
    Attempt("w_procroot", "echo x > /proc/self/root{out}/a; echo x > /proc/1/root{out}/a", made("outside/a")),
    Attempt("w_proc_victim", "echo x > /proc/{pid}/root{out}/a", made("outside/a")),
    Attempt("w_hardlink", "ln {out}/file hl && echo PWN >> hl", holds("outside/file", "PWN")),
    Attempt("w_rename", "echo x > a; mv a {out}/a", made("outside/a")),
    Attempt("w_delete", "rm -f {out}/file", _gone),
    Attempt("w_truncate", ": > {out}/file", _empty),
    Attempt("w_chmod", "chmod 777 {out}/file", _mode, gap=True),
    Attempt("w_utimes", "touch -d 2001-01-01 {out}/file", _old, gap=True),
    Attempt(
        "w_xattr", python("import os;os.setxattr('{out}/file','user.k',b'1')"), _attribute, gap=True, inert="xattr"
    ),
    Attempt("w_bashrc", "echo PWN >> ~/.bashrc; echo PWN >> {home}/.bashrc", holds("home/.bashrc", "PWN")),
    Attempt("w_githook", "echo PWN > .git/hooks/pre-commit", made("home/work/.git/hooks/pre-commit"), gap=True),
    Attempt(
        "w_gitconfig",
        "git config core.fsmonitor /tmp/x; printf '[core]\\nhooksPath=x\\n' >> .git/config",
        lambda w, o: any(t in (w.work / ".git/config").read_text() for t in ("hooksPath", "fsmonitor")),
        gap=True,
    ),
    Attempt(
        "w_gitswap",
        "mv .git .git2 && mkdir -p .git/hooks && echo x > .git/hooks/pre-commit",
        made("home/work/.git/hooks/pre-commit"),
        gap=True,
    ),
    Attempt(
        "w_githooks_swap",
        "rm -rf .git/hooks; mkdir .git/hooks; echo x > .git/hooks/post-checkout",
        made("home/work/.git/hooks/post-checkout"),
        gap=True,
    ),
    Attempt(
        "w_nested_hook",
        "echo x > sub/.git/hooks/pre-commit",
        lambda w, o: (w.work / "sub/.git/hooks/pre-commit").exists(),
        gap=True,
    ),
    Attempt("w_ownconfig", "echo PWN > .kt/config.toml", holds("home/work/.kt/config.toml", "PWN"), gap=True),
    Attempt(
        "w_ownfolder",
        "mv .kt .kt2; mkdir .kt; echo PWN > .kt/config.toml",
        holds("home/work/.kt/config.toml", "PWN"),
        gap=True,
    ),
    Attempt(
        "w_userconfig",
        "echo PWN > {home}/.config/kterrarium/keys.json",
        holds("home/.config/kterrarium/keys.json", "PWN"),
    ),
    Attempt(
        "w_shm",
        "echo x > /dev/shm/kt-escape-{pid}",
        lambda w, o: Path(f"/dev/shm/kt-escape-{w.pid}").exists(),
        gap=True,
    ),
    Attempt("w_tmp", "echo x > /tmp/kt-escape-{pid}", lambda w, o: Path(f"/tmp/kt-escape-{w.pid}").exists()),
    Attempt("w_etc", "echo x > /etc/kt-escape", _there("/etc/kt-escape"), inert="root"),
    Attempt("w_toctou", python(RACE), _raced),
    Attempt("w_mknod", "mknod blk b 8 0 && head -c 1 blk && echo DEVICE", told("DEVICE"), inert="root"),
    Attempt(
        "w_worktree",
        "rm -rf sub/.git; echo 'gitdir: {out}/fake' > sub/.git; mkdir -p {out}/fake && echo x",
        made("outside/fake"),
    ),
)

READS = (
    Attempt("r_ssh", "cat {home}/.ssh/id_rsa", told()),
    Attempt("r_keys", "cat {home}/.config/kterrarium/keys.json {home}/.aws/credentials", told()),
    Attempt("r_home_file", "cat {home}/notes.txt ../notes.txt", told()),
    Attempt("r_symlink", "ln -s {home}/.ssh/id_rsa k; cat k", told()),
    Attempt("r_procroot", "cat /proc/self/root{home}/.ssh/id_rsa /proc/self/cwd/../.ssh/id_rsa", told()),
    Attempt("r_victim_root", "cat /proc/{pid}/root{home}/.ssh/id_rsa", told()),
    Attempt("r_env", "env", told()),
    Attempt("r_procenv", "cat /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n'", told()),
    Attempt("r_cmdline", "cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' '", told(f"{CANARY}-cmdline"), gap=True),
    Attempt(
        "r_fd",
        "for f in /proc/self/fd/*; do [ ${f##*/} -gt 2 ] && head -c 99 $f; done 2>/dev/null",
        told(),
        inert="descriptors are closed everywhere",
    ),
    Attempt("r_home_list", "ls -a {home} {out}", told("notes.txt")),
    Attempt("r_shadow", "head -c 99 /etc/shadow && echo READ", told("READ"), gap=True, inert="root"),
    Attempt("r_stderr_of_victim", "cat /proc/{pid}/stat /proc/{pid}/maps && echo MAPS", told("MAPS")),
)

NETWORK = (
    Attempt("n_tcp4", "exec 3<>/dev/tcp/127.0.0.1/{tcp4}", came("tcp4")),
    Attempt("n_tcp6", python("import socket;s=socket.socket(10);s.connect(('::1',{tcp6}))"), came("tcp6"), inert="v6"),
    Attempt("n_udp", python("import socket;s=socket.socket(2,2);s.sendto(b'x',('127.0.0.1',{udp}))"), came("udp")),
    Attempt("n_abstract", python("import socket;s=socket.socket(1);s.connect(chr(0)+'kt-{parent}')"), came("abstract")),
    Attempt("n_unix", python("import socket;s=socket.socket(1);s.connect('{base}/s')"), came("path")),
    Attempt("n_vsock", python("import socket;socket.socket(40,1,0);print('MADE')"), told("MADE"), inert="vsock"),
    Attempt("n_netlink", python("import socket;socket.socket(16,3,0);print('MADE')"), told("MADE")),
    Attempt("n_packet", python("import socket;socket.socket(17,3,0);print('MADE')"), told("MADE"), inert="root"),
)

PROCESSES = (
    Attempt(
        "p_outlive",
        "(setsid nohup sh -c 'sleep 1; touch lived' > /dev/null 2>&1 &); sleep 0.2; exit 0",
        made("home/work/lived"),
        wait=1.5,
    ),
    Attempt("p_daemon", python(DAEMON), made("home/work/lived"), wait=1.5),
    Attempt(
        "p_timeout_tree",
        "trap '' TERM INT HUP; (trap '' TERM; sleep 3; touch late) & sleep 3; touch late",
        made("home/work/late"),
        wait=3.0,
        timeout=0.7,
        inert="ended",
    ),
    Attempt("p_kill", "kill -9 {pid}", _killed),
    Attempt("p_stop_parent", "kill -STOP {parent} && echo STOPPED", told("STOPPED"), unsafe=True),
    Attempt("p_ptrace", python(SYSCALL + "print('ATTACHED' if l.ptrace(16,{pid},0,0)==0 else 'no')"), told("ATTACHED")),
    Attempt("p_mem", python("open('/proc/{pid}/mem','rb');print('MEMOPEN')"), told("MEMOPEN")),
    Attempt("p_forkbomb", python(FORKS), told("FORKED")),
    Attempt("p_memory", python("b=bytearray(1200<<20);print('ALLOC')"), told("ALLOC")),
    Attempt(
        "p_diskfill",
        "head -c 200000000 /dev/zero > big && echo FILLED",
        told("FILLED"),
        inert="watched without walls too",
    ),
    Attempt("p_sparse", "truncate -s 1T sparse && echo SPARSE", told("SPARSE")),
    Attempt("p_manyfiles", "for i in $(seq 60); do head -c 10000000 /dev/zero > b$i; done; sleep 2", _grew, quota=True),
    Attempt(
        "p_output",
        "head -c 60000000 /dev/zero | tr '\\0' x",
        lambda w, o: len(o) > 1_000_000,
        inert="output is bounded everywhere",
    ),
)

KERNEL = (
    Attempt("k_userns", "unshare -Urm id && echo NEWNS", told("NEWNS")),
    Attempt("k_nnp", "grep -q 'NoNewPrivs:.0' /proc/self/status && echo NONNP", told("NONNP")),
    Attempt(
        "k_keyring",
        python(SYSCALL + "print('KEY' if l.syscall(248,b'user',b'ktx',b'v',1,-5)>0 else 'no')"),
        told("KEY"),
        inert="keyrings",
    ),
    Attempt(
        "k_iouring",
        python(SYSCALL + "b=ctypes.create_string_buffer(256);print('URING' if l.syscall(425,4,b)>=0 else 'no')"),
        told("URING"),
        inert="io_uring",
    ),
    Attempt(
        "k_bpf",
        python(SYSCALL + "l.syscall(321,0,0,0);e=ctypes.get_errno();print('REACH' if e not in (1,38) else 'no')"),
        told("REACH"),
        inert="bpf",
    ),
    Attempt("k_mount", "mkdir -p m && mount -t tmpfs none m && echo MOUNTED", told("MOUNTED"), unsafe=True),
    Attempt("k_chroot", python("import os;os.chroot('/proc');print('CHROOT')"), told("CHROOT"), inert="root"),
    Attempt("k_setuid", "su -c true 2>/dev/null && echo ROOT", lambda w, o: "ROOT" in o, inert="root"),
    Attempt(
        "k_clone3",
        python(
            SYSCALL + "a=(ctypes.c_ulong*11)();a[0]=0x10000000;a[4]=17;"
            "r=l.syscall(435,a,88);os=__import__('os');r==0 and os._exit(0);print('NEWNS' if r>0 else 'no')"
        ),
        told("NEWNS"),
    ),
    Attempt(
        "k_module",
        python(SYSCALL + "l.syscall(313,-1,b'',0);e=ctypes.get_errno();print('REACH' if e not in (1,38) else 'no')"),
        told("REACH"),
        inert="root",
    ),
    Attempt(
        "k_tiocsti",
        python("import fcntl;f=open('/dev/tty','w');fcntl.ioctl(f,0x5412,b'x');print('STI')"),
        told("STI"),
        inert="a terminal",
    ),
    Attempt("k_sysrq", "echo h > /proc/sysrq-trigger && echo SYSRQ", told("SYSRQ"), unsafe=True),
)

ATTEMPTS = WRITES + READS + NETWORK + PROCESSES + KERNEL
