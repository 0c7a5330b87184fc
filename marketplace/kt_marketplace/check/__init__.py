"""Whether a pack keeps what packs promise: checked for its author, before anybody installs it."""

from .outcome import Outcome, Problem
from .report import problems, report

__all__ = ["Outcome", "Problem", "problems", "report"]
