"""Ordinary work that must go on inside the walls: a command, and what it must print."""

from .world import python

WORK = {
    "write": ("echo x > ok1 && cat ok1", "x"),
    "pwd": ("pwd", "/work"),
    "python": (python("import json, tempfile; tempfile.NamedTemporaryFile(); print('PYOK')"), "PYOK"),
    "this python": ("python3 -c 'import sys; print(sys.version_info >= (3, 8))'", "True"),
    "git status": ("git status --porcelain && git log --oneline | head -1", "first"),
    "git commit": ("echo n >> f && git commit -qam second && git log --oneline | wc -l", "2"),
    "git branch": ("git checkout -qb other && git branch", "other"),
    "git init": ("mkdir new && cd new && git init -q && git status", "No commits yet"),
    "git diff": ("echo m >> f && git diff | tail -1", "+m"),
    "git stash": ("echo q >> f && git stash -q && git stash list", "stash@{0}"),
    "pipe": ("seq 1000 | sort -n | tail -1", "1000"),
    "temporary file": ("t=$(mktemp) && echo hi > $t && cat $t", "hi"),
    "home file": ("echo hi > ~/scratch && cat ~/scratch", "hi"),
    "threads": (
        python("import threading; t=threading.Thread(target=print, args=('THR',)); t.start(); t.join()"),
        "THR",
    ),
    "processes": (
        python("import multiprocessing as m; print('MP', m.get_context('fork').Pool(2).map(abs, [-1, 2]))"),
        "MP [1, 2]",
    ),
    "node": ("node -e 'console.log(6*7)'", "42"),
    "compiler": ("echo 'int main(){return 0;}' > t.c && cc t.c -o t && ./t && echo BUILT", "BUILT"),
    "make": ("printf 'all:\\n\\t@echo MADE\\n' > Makefile && make", "MADE"),
    "pytest": (
        "printf 'def test_it():\\n    assert True\\n' > test_it.py && python3 -m pytest -q test_it.py",
        "1 passed",
    ),
    "pip": ("python3 -m pip --version || python3 -m ensurepip --version", "pip"),
    "venv": ("python3 -m venv --without-pip v && v/bin/python -c 'print(7*6)'", "42"),
    "sed in place": ("echo a > e && sed -i s/a/b/ e && cat e", "b"),
    "tar": ("tar cf a.tar f && tar tf a.tar", "f"),
    "script": ("printf '#!/bin/sh\\necho RAN\\n' > r.sh && chmod +x r.sh && ./r.sh", "RAN"),
    "background": ("sleep 0.1 & wait && echo WAITED", "WAITED"),
    "find and xargs": ("find . -name f | xargs cat", "hi"),
    "date and locale": ("TZ=UTC date +%Z", "UTC"),
    "exit code": ("sh -c 'exit 3' || echo code $?", "code 3"),
}
