"""Run `python -m kt_cli`."""

from .main import main

main()
