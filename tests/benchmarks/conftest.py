"""Makes ``benchmarks`` importable where the tests run against an installed package."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2]))  # last, so that the installed package goes before the checkout's
