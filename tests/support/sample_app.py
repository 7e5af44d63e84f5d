"""The sample application's scripts as modules (its folder's name is not an identifier)."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[2]
# As for a script that is started there: deploy.py imports what lies beside it.
sys.path.append(str(ROOT / "examples" / "must-be-viral"))


def _load(path: str) -> ModuleType:
    file = ROOT / "examples" / "must-be-viral" / path
    spec = importlib.util.spec_from_file_location(f"must_be_viral_{file.stem}", file)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


deploy_script = _load("deploy.py")
app_database = _load("database/app_database.py")
