"""What the author of a wheel does about what an inspection refuses, in words."""

BUILT = "build the wheel anew with uv build --wheel, and leave the file as it is"
INSIDE = "keep each file inside the import package, under a plain name"
FIXES = {
    "bomb": "leave large files out of the wheel, and fetch them where they are used",
    "bytecode": "ship the source, and leave __pycache__ and .pyc files out",
    "clash": "call the entry point otherwise in [project.entry-points] of pyproject.toml",
    "compression": BUILT,
    "data": INSIDE,
    "dist-info": "build the wheel with uv build --wheel, and bring no .dist-info folder of your own",
    "duplicate": "rename or remove one of the files",
    "encrypted": BUILT,
    "entry-points": "let each line of [project.entry-points] in pyproject.toml name a module of the package",
    "git": "leave the .git folder out",
    "header": BUILT,
    "kernel": "widen the range of kt-core in pyproject.toml, and that of kt-pack.toml",
    "kt-path": "take the group kt.path out of [project.entry-points] in pyproject.toml",
    "lie": "declare it under [needs] in kt-pack.toml, or take it out of the code or the creature",
    "manifest": "write one kt-pack.toml, in the import package; docs/packs.md has an example",
    "module": "rename the import package, and the distribution with it",
    "name": "give pyproject.toml, kt-pack.toml and the wheel's file one name",
    "override": "register a name of your own instead",
    "overwrite": INSIDE,
    "path": INSIDE,
    "provides": "list under [[provides]] in kt-pack.toml what is in the package, and nothing else",
    "pth": "leave the .pth file out; what must run at the start stands in kt_register",
    "python": "widen requires-python in pyproject.toml, or check the pack with a Python that it admits",
    "record": BUILT,
    "requires": "mend dependencies in pyproject.toml",
    "script": "rename the program in [project.scripts] of pyproject.toml, or leave it out",
    "settings": "leave the file out, or keep it where only the pack's own tests see it",
    "special": BUILT,
    "startup": "rename the module",
    "symlink": "ship the file itself in place of the link",
    "tags": "build a wheel for this Python and machine, or one of Python code only",
    "target": "name code of the pack itself",
    "url": "depend on a name and a range of versions, as in kt-http>=0.1",
    "version": "give pyproject.toml, kt-pack.toml and the wheel's file one version",
    "zip": BUILT,
}
"""By the code of a finding."""
TAKEN = "choose another name, in kt-pack.toml and kt_register, or take it over there with override=True"
"""Of a name that an official pack registers."""
