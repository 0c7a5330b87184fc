"""Look at a wheel without importing, unpacking or installing anything of it, and say what is wrong with it.

A static look finds mistakes, tricks of archives and lies that are easy to tell. It does not prove that code is good.
"""

from ..record import record_digest
from .findings import Finding
from .inspection import Inspection, inspect
from .installed import Installed
from .wheel import Wheel

__all__ = ["Finding", "Inspection", "Installed", "Wheel", "inspect", "record_digest"]
