"""kt-keyring is installed on purpose only: where it is, keys go to it. So the tests import it from its folder."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2] / "plugins/keyring"))
