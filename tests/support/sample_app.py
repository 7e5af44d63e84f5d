"""The deploy script of the sample application, as a module (its folder's name is not an identifier)."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[2]


def _load() -> ModuleType:
    path = ROOT / "examples" / "must-be-viral" / "deploy.py"
    spec = importlib.util.spec_from_file_location("must_be_viral_deploy", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


deploy_script = _load()
