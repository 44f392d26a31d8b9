"""The FastCGI client of the tests, for what is measured without nginx."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2] / "tests/tools"))
from fcgi import Client  # noqa: E402, F401
