"""The documentation of modules and other plugins says what there is."""

import importlib.util
import json
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

# Makes Ansible's module_utils know the project's, as a module has them.
import plugins.filter.inventory  # noqa: F401

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
MODULES = sorted(path.stem for path in (ROOT / "library").glob("*.py"))


@cache
def documented(kind: str, *names: str) -> dict[str, Any]:
    """What `ansible-doc` makes of plugins."""
    command = [str(BIN / "ansible-doc"), "--json", "--type", kind, *names]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def specification(name: str) -> dict[str, Any]:
    """The argument specification that a module is run with."""
    spec = importlib.util.spec_from_file_location(f"library_{name}", ROOT / "library" / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found: dict[str, Any] = module.SPEC
    return found


def differences(where: str, options: dict[str, Any], spec: dict[str, Any]) -> Iterator[str]:
    """Where a documented set of options is not the one that is taken."""
    for name in sorted(set(options) ^ set(spec)):
        yield f"{where}.{name} is {'not taken' if name in options else 'not documented'}"
    for name in sorted(set(options) & set(spec)):
        said, taken = options[name], spec[name]
        for key, usual in (("type", "str"), ("required", False), ("default", None), ("elements", None)):
            if said.get(key, usual) != taken.get(key, usual):
                yield f"{where}.{name}: {key} is {taken.get(key, usual)!r}, not {said.get(key, usual)!r}"
        if set(said.get("choices") or ()) != set(taken.get("choices") or ()):
            yield f"{where}.{name}: choices are {taken.get('choices')}, not {said.get('choices')}"
        if not said.get("description"):
            yield f"{where}.{name} has no description"
        yield from differences(f"{where}.{name}", said.get("suboptions") or {}, taken.get("options") or {})


@pytest.mark.parametrize("name", MODULES)
def test_a_module_is_documented_as_it_is(name: str) -> None:
    module = documented("module", *MODULES)[name]
    options, spec = module["doc"]["options"], specification(name)
    assert list(differences(name, options, spec)) == []
    assert module["doc"]["short_description"]
    for value, content in module["return"].items():
        assert content["description"] and content["type"] and content["returned"], value
    tasks = yaml.safe_load(module["examples"])
    assert tasks
    for task in tasks:
        given = set(task[name])
        assert given <= set(options), task["name"]
        assert {option for option, content in spec.items() if content.get("required")} <= given, task["name"]


@pytest.mark.parametrize("kind", ["callback", "filter"])
def test_the_other_plugins_are_documented(kind: str) -> None:
    names = {
        "callback": ["knowngood", "exit_code"],
        "filter": [
            "declared_components",
            "declared_databases",
            "declared_flows",
            "declared_ledger",
            "declared_notifications",
            "flows_before",
        ],
    }[kind]
    for name, content in documented(kind, *names).items():
        assert content["doc"]["description"], name
        if kind == "filter":
            assert content["examples"] and content["return"]


def test_every_action_has_its_module() -> None:
    assert sorted(path.stem for path in (ROOT / "plugins" / "action").glob("*.py")) == MODULES
