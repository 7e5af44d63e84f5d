"""The documentation says what there is: modules and their options, links, commands."""

import importlib.util
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
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
EXAMPLE = ROOT / "examples" / "must-be-viral"
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), EXAMPLE / "README.md"]


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


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target, anchor in re.findall(r"\]\((?!https?://)([^)#\s]*)(?:#([^)\s]+))?\)", page.read_text()):
        file = page.parent / target if target else page
        assert file.exists(), f"{page.name}: {target}"
        if anchor:
            titles = re.findall(r"^#+ (.+)$", file.read_text(), re.MULTILINE)
            slugs = {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
            assert anchor in slugs, f"{page.name}: {target}#{anchor}"


def commands() -> list[str]:
    """Every `ansible-playbook ...` of the pages, and every table row that only gives what is added to one."""
    found = []
    for page in PAGES:
        text = page.read_text()
        found += re.findall(r"ansible-playbook [^`|\n]+", text)
        added = (
            re.findall(r"^\| `(?:\.\.\. )?(-[^`]+)`", text, re.MULTILINE) if page.parent != EXAMPLE else []
        )
        found += [f"ansible-playbook rollback.yml -i production {arguments}" for arguments in added]
    # A comment, the end of a case of the shell, a sentence that goes on; what a person fills in.
    cut = [re.split(r"\s+#|\s*;;|,\s+[a-z]", command)[0].strip() for command in found]
    return sorted({re.sub(r"<[^>]+>", "something", command) for command in cut})


def test_commands_are_good(tmp_path: Path) -> None:
    (tmp_path / ".vault-password").write_text("x")
    listed = commands()
    assert len(listed) >= 15

    def run(command: str) -> str:
        program, *arguments = shlex.split(command)
        done = subprocess.run(
            [str(BIN / program), *arguments, "--syntax-check"],
            cwd=ROOT,
            env={**os.environ, "HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return f"{command}\n{done.stdout}{done.stderr}" if done.returncode or done.stderr else ""

    with ThreadPoolExecutor(2) as pool:
        assert [problem for problem in pool.map(run, listed) if problem] == []


def test_commands_name_what_exists() -> None:
    hosts = yaml.safe_load((ROOT / "inventories" / "production" / "hosts.yml").read_text())["all"]["children"]
    known = {*hosts, *(host for group in hosts.values() for host in group["hosts"])}
    for command in commands():
        for limit in re.findall(r"--limit (\S+)", command):
            assert set(limit.split(",")) <= known, command
        for tag in re.findall(r"--tags (\S+)", command):
            text = (ROOT / "playbooks" / command.split()[1]).read_text()
            assert re.search(rf"tags: \[(\w+, )*{tag}\b", text), command
