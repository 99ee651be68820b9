"""The scripts of ``benchmarks/`` as modules."""

from __future__ import annotations

import importlib
import sys
from types import SimpleNamespace

from tests.shape.project import ROOT

HERE = ROOT / "benchmarks"
NAMES = [path.stem for path in HERE.glob("*.py")]


def load() -> SimpleNamespace:
    """The scripts as modules, forgotten again at once: their names are common ones."""
    before = set(sys.modules)
    sys.path.insert(0, str(HERE))
    try:
        return SimpleNamespace(**{name: importlib.import_module(name) for name in NAMES})
    finally:
        sys.path.remove(str(HERE))
        for name in (set(sys.modules) - before) & set(NAMES):
            del sys.modules[name]
