"""The inventories are complete, and what is wrong in one is refused with host, variable and file."""

import copy
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.inventory.manager import InventoryManager
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import init_plugin_loader
from ansible.vars.hostvars import HostVars
from ansible.vars.manager import VariableManager
from hypothesis import given, settings
from hypothesis import strategies as st

from plugins.filter.databases import declared_databases
from plugins.filter.inventory import declared_components
from plugins.filter.ledger import declared_ledger
from plugins.module_utils.drill.gate import drilled_of
from plugins.module_utils.drill.guard import problems_before
from plugins.module_utils.drill.production import production_of
from plugins.module_utils.drill.settings import problems_in, settings_of
from plugins.module_utils.probe.contract import Answer, Contract, judge
from plugins.module_utils.stage.options import COMPONENTS

ROOT = Path(__file__).resolve().parents[2]
FILE = "inventories/production/hosts.yml"
Inventory = tuple[dict[str, dict[str, Any]], dict[str, list[str]]]
"""The variables of every host, and the groups."""


@pytest.fixture(scope="module")
def plugins() -> None:
    """Ansible's own, which templates in group_vars use."""
    init_plugin_loader()


def load(name: str) -> tuple[Mapping[str, Any], dict[str, list[str]]]:
    """As Ansible loads it: group_vars, templates and all."""
    loader = DataLoader()
    inventory = InventoryManager(loader=loader, sources=[str(ROOT / "inventories" / name)])
    variables = VariableManager(loader=loader, inventory=inventory)
    return HostVars(inventory, variables, loader), inventory.get_groups_dict()


def plain(name: str = "production") -> Inventory:
    """The hosts as their file says, to be changed."""
    children = yaml.safe_load((ROOT / "inventories" / name / "hosts.yml").read_text())["all"]["children"]
    groups = {group: list(content["hosts"]) for group, content in children.items()}
    hosts = {host: values for content in children.values() for host, values in content["hosts"].items()}
    return {host: {**values, "inventory_file": f"/x/{FILE}"} for host, values in hosts.items()}, groups


def problems(hosts: Mapping[str, Any], groups: dict[str, list[str]]) -> list[str]:
    found: list[str] = declared_components(hosts, list(hosts), groups)["problems"]
    return found


@pytest.mark.usefixtures("plugins")
@pytest.mark.parametrize("name", ["production", "staging", "local"])
def test_the_inventories_are_complete(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANSIBLE_CONFIG", str(ROOT / "ansible.cfg"))
    hosts, groups = load(name)
    found = declared_components(hosts, groups["all"], groups)
    assert found["problems"] == []
    assert found["left_out"] == []
    assert [component["kind"] for component in found["components"]] == ["worker"] * 5 + ["pages"]
    assert declared_databases(hosts, groups["all"], groups)["problems"] == []
    for host in groups["all"]:
        assert hosts[host]["environment_name"] == name


@pytest.mark.usefixtures("plugins")
def test_staging_may_be_drilled_once_it_says_which_account_is_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ANSIBLE_CONFIG", str(ROOT / "ansible.cfg"))
    hosts, groups = load("staging")
    variables = hosts["site"]
    drills = copy.deepcopy(dict(variables["drills"]))
    params = {
        "cloudflare": {"account_id": "1" * 32, "api_url": variables["cloudflare_api_url"]},
        "components": declared_components(hosts, groups["all"], groups)["components"],
        "databases": declared_databases(hosts, groups["all"], groups)["databases"],
        "third_parties": [],
        "probing": {"connect_to": variables["edge_connect_to"]},
        "drills": drills,
        **{name: variables[name] for name in ("environment_name", "environment_class")},
    }
    inventories = ROOT / "inventories"
    production = production_of(inventories, inventories / "staging")
    assert problems_in(drills, "all.yml") == []
    assert problems_before(drilled_of(params, "all.yml"), production) == [
        f"all.yml: the account {'1' * 32} is not in drills.identities.accounts"
    ]
    drills["identities"]["accounts"] = ["1" * 32]
    assert problems_before(drilled_of(params, "all.yml"), production) == []
    deploy = settings_of(drills, ROOT).deploy
    assert deploy[-2:] == ("--environment", "staging") and Path(deploy[1]).is_file()


def test_every_environment_has_names_of_its_own() -> None:
    targets = [
        (variable, host[variable])
        for name in ("production", "staging", "local")
        for host in plain(name)[0].values()
        for variable in ("worker_name", "pages_project", "d1_database")
        if variable in host
    ]
    assert len(targets) == len(set(targets)) == 21


MUTATIONS: list[tuple[str, Any]] = [
    ("worker_name", None),
    ("worker_name", ""),
    ("worker_name", ["a"]),
    ("worker_name", "must-be-viral-content-prod"),
    ("release_follows", "sometimes"),
    ("release_follows", ["always"]),
    ("switch_after", "content-worker"),
    ("switch_after", ["nobody"]),
    ("switch_after", [{"a": 1}]),
    ("switch_after", ["auth-worker"]),
    ("switch_after", None),
    ("health", None),
    ("health", []),
    ("health", "https://auth.example.com"),
    ("health", {}),
    ("health.not_applicable", ""),
    ("health.not_applicable", "nothing to ask"),
    ("health.url", None),
    ("health.url", "auth.example.com/health"),
    ("health.url", "https://[auth/health"),
    ("health.url", "https://auth.example.com:port/health"),
    ("health.url", 5),
    ("health.status", "ok"),
    ("health.status", 20),
    ("health.status", True),
    ("health.status", []),
    ("health.status", [200, "204"]),
    ("health.body", "status =="),
    ("health.body", 5),
    ("health.body", None),
    ("health.text", "("),
    ("health.text", ["a"]),
    ("health.headers", ["X-Release"]),
    ("health.headers", {"X-Release": "("}),
    ("health.headers", {"X-Release": None}),
    ("health.version", None),
    ("health.version", "tag"),
    ("health.version", {"json": "version"}),
    ("health.version", {"json": "version", "is": "newest"}),
    ("health.version", {"json": "version", "header": "X-Release", "is": "tag"}),
    ("health.version", {"json": None, "is": "tag"}),
    ("health.version", {"header": "", "is": "tag"}),
    ("health.version", {"text": "no group", "is": "tag"}),
    ("health.version", {"json": "version", "is": "tag", "iz": "tag"}),
    ("health.version", {"unknown": ""}),
    ("health.fresh", None),
    ("health.fresh", {"json": "a ="}),
    ("health.fresh", {"json": "timestamp", "is": "tag"}),
    ("health.fresh", {"unknown": None}),
    ("health.depends_on", "content-worker"),
    ("health.depends_on", ["nobody"]),
    ("health.depends_on", [5]),
    ("health.timeout", 5),
]


@pytest.mark.parametrize(("path", "value"), MUTATIONS, ids=lambda item: str(item))
def test_what_is_wrong_is_named(path: str, value: Any) -> None:
    hosts, groups = plain()
    assert problems(hosts, groups) == []
    *parents, name = path.split(".")
    place = hosts["auth-worker"]
    for parent in parents:
        place = place[parent]
    place[name] = value
    found = problems(hosts, groups)
    assert found, f"{path}: {value!r} was accepted"
    told = [text for text in found if path in text and "auth-worker" in text]
    assert told, found
    assert all(text.startswith("production/hosts.yml: ") for text in found)


def test_a_circle_is_named() -> None:
    hosts, groups = plain()
    hosts["auth-worker"]["switch_after"] = ["content-worker"]
    hosts["content-worker"]["switch_after"] = ["auth-worker"]
    (told,) = problems(hosts, groups)
    assert re.fullmatch(
        r"production/hosts.yml: (\S+)-worker: switch_after goes in a circle: \1-worker -> .* -> \1-worker",
        told,
    )


def test_a_variable_that_cannot_be_resolved_is_named() -> None:
    class Unresolvable(dict[str, Any]):
        def get(self, name: str, default: Any = None) -> Any:
            if name == "worker_name":
                raise KeyError("'suffix' is undefined")
            return super().get(name, default)

    hosts, groups = plain()
    told = problems({**hosts, "auth-worker": Unresolvable(hosts["auth-worker"])}, groups)
    assert told[0].startswith("production/hosts.yml: auth-worker: worker_name cannot be resolved: ")


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
USUAL = st.sampled_from(
    [
        200,
        [200, 204],
        "status",
        ["content-worker"],
        "https://example.com/health",
        {"json": "version", "is": "tag"},
        {"text": "(.)", "is": "commit"},
        {"unknown": "why"},
        {"header": "Date"},
        {"json": "timestamp"},
        {"X-Release": "r."},
        {"not_applicable": "why"},
    ]
)
GOOD, GROUPS = plain()
SETTINGS = sorted({path for path, _ in MUTATIONS})
ANSWERS = [
    Answer(200, {}, body, 0.1)
    for body in (b'{"status": "healthy", "version": "r2", "timestamp": 5}', b"[]", b"<")
]


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.sampled_from(SETTINGS), USUAL | ANYTHING, min_size=1, max_size=2))
def test_what_is_accepted_can_be_used_and_nothing_crashes(changes: dict[str, Any]) -> None:
    hosts = copy.deepcopy(GOOD)
    for path, value in sorted(changes.items()):
        *parents, name = path.split(".")
        place: Any = hosts["auth-worker"]
        for parent in parents:
            place = place[parent] if isinstance(place.get(parent), dict) else place.setdefault("_", {})
        place[name] = value
    found = declared_components(hosts, list(hosts), GROUPS)
    if found["problems"]:
        return
    assert not ArgumentSpecValidator(COMPONENTS).validate({"components": found["components"]}).error_messages
    for component in found["components"]:
        if "not_applicable" in component["health"]:
            continue
        contract = Contract.of(component["health"])
        for answer in ANSWERS:
            judge(contract, answer, identity={"tag": "r2"}, max_skew=60, slow=2, tls_margin=14)


def specified(role: str) -> set[str]:
    """What a role's argument specifications describe."""
    file = ROOT / "roles" / role / "meta" / "argument_specs.yml"
    specs = yaml.safe_load(file.read_text())["argument_specs"] if file.exists() else {}
    return {option for spec in specs.values() for option in spec.get("options", {})}


# What the playbooks hand from one stage to the next.
BETWEEN_STAGES = {
    "databases_ends_with",
    "databases_only_plan",
    "databases_undo",
    "decide_ask",
    "lock_step",
    "preflight_also",
    "record_validated",
    "recovery_after",
    "recovery_so_far",
    "rehearse_not_yet",
    "validate_before",
    "validate_came_before",
    "validate_databases",
    "validate_maintenance",
    "validate_notes",
    "validate_recorded_headers",
    "validate_since",
    "validate_so_far",
    "watch_rolled_back_to",
    "watch_so_far",
}
RESULTS = {
    "changed", "checked", "databases", "failed", "hash", "identities", "notes", "outcome", "restored", "run", "seen",
    "table", "user_input", "why_not", "joined", "regression",
}  # fmt: skip
# A part of require_approval.
PARTS = {"data_loss"}


def test_every_setting_is_checked_before_anything_is_touched() -> None:
    """A setting that only its stage looked at would stop a rollback half-way."""
    taken = set()
    for file in ROOT.glob("roles/*/defaults/main.yml"):
        taken |= set(yaml.safe_load(file.read_text()))
    for file in (*ROOT.glob("roles/**/*.yml"), *ROOT.glob("playbooks/*.yml")):
        taken |= set(re.findall(r"\b([a-z_]+) (?:\| default\(|is defined)", file.read_text()))
    assert taken - BETWEEN_STAGES - RESULTS - PARTS <= specified("preflight")
    assert taken >= BETWEEN_STAGES, "an entry of this list is out of date"


def test_what_an_environment_declares_is_specified() -> None:
    own = {"ansible_connection", "ansible_python_interpreter"}
    for file in ROOT.glob("inventories/*/group_vars/all.yml"):
        local = {"local_state", "local_cloudflare", "local_postgres"}
        assert set(yaml.safe_load(file.read_text())) - own - local <= specified("preflight"), file


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ("somewhere", "ledger.backend must be one of directory, kv, git, none"),
        ({"backend": "floppy"}, "ledger.backend must be one of"),
        ({"backend": "directory"}, "ledger.path is not set: the backend directory needs it"),
        ({"backend": "kv", "namespace": ""}, "ledger.namespace is not set"),
        (
            {"backend": "git", "repository": "r", "path": "p"},
            "ledger.path is nothing that the backend git has",
        ),
    ],
)
def test_a_wrong_ledger_is_named(declared: object, said: str) -> None:
    assert any(said in problem for problem in declared_ledger(declared, "production")["problems"])


def test_every_environment_has_a_ledger_of_its_own() -> None:
    folder = {"backend": "directory", "path": "/var/ledger"}
    assert declared_ledger(folder, "staging") == {
        "ledger": {"backend": "directory", "path": "/var/ledger/staging"},
        "problems": [],
    }
    assert declared_ledger({"backend": "kv", "namespace": "n"}, "staging")["ledger"]["prefix"] == "staging"
