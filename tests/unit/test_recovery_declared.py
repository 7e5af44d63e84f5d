"""What the inventory declares for recovery is taken, and what is wrong in it is named with file and variable."""

from typing import Any

import pytest

from plugins.module_utils.recovery.declared import declared_recovery
from tests.unit.test_inventory import ROOT, load, plugins

__all__ = ["plugins"]

RECORDS = [{"type": "CNAME", "content": "site.pages.dev", "proxied": True}]


def declare(maintenance: Any = None, **host: Any) -> dict[str, Any]:
    declared = {"dns_zone": "example.com", "dns_records": RECORDS, **host}
    hosts = {
        "site-dns": {**declared, "inventory_file": "/x/inventories/production/hosts.yml"},
        "web": {"inventory_dir": "/x/inventories/production"},
    }
    return declared_recovery(hosts, ["web", "site-dns"], {"dns": ["site-dns"]}, maintenance)


@pytest.mark.usefixtures("plugins")
@pytest.mark.parametrize("name", ["production", "staging", "local"])
def test_the_inventories_are_complete(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANSIBLE_CONFIG", str(ROOT / "ansible.cfg"))
    hosts, groups = load(name)
    found = declared_recovery(hosts, groups["all"], groups, hosts["site-dns"]["maintenance"])
    assert found["problems"] == []
    assert [item["component"] for item in found["names"]] == ["site-dns"]
    assert found["maintenance"]["hosts"]


def test_a_name_is_taken_as_the_modules_take_it() -> None:
    found = declare(dns_name="WWW.Example.com.", dns_resolvers=["1.1.1.1", "[::1]:5300"])
    assert found == {
        "names": [
            {
                "component": "site-dns",
                "zone": "example.com",
                "name": "www.example.com",
                "records": RECORDS,
                "failover": [],
                "authority": [],
                "resolvers": ["1.1.1.1", "[::1]:5300"],
            }
        ],
        "maintenance": {"worker": "", "hosts": [], "records": {}, "names": [], "url": ""},
        "problems": [],
    }


@pytest.mark.parametrize(
    ("host", "said"),
    [
        ({"dns_zone": ""}, "dns_zone is not set"),
        ({"dns_records": []}, "dns_records is not set"),
        ({"dns_records": [{"type": "A"}]}, "a record needs type and content"),
        ({"dns_records": [{"type": "LOC", "content": "x"}]}, "the type must be one of"),
        (
            {"dns_records": [{"type": "A", "content": "192.0.2.1", "ttl": 5}]},
            "ttl must be 1 (automatic) or from 30",
        ),
        ({"dns_records": [{"type": "A", "content": "192.0.2.1", "tll": 60}]}, "a record has no tll"),
        ({"dns_records": [*RECORDS, {"type": "A", "content": "192.0.2.1"}]}, "a CNAME stands alone"),
        (
            {"dns_records": [{"type": "TXT", "content": "x", "proxied": True}]},
            "only A, AAAA and CNAME can be proxied",
        ),
        ({"dns_failover": "192.0.2.1"}, "dns_failover: must be a list of records"),
        ({"dns_name": "www.example.org"}, "dns_name: www.example.org is not in the zone example.com"),
        ({"dns_zone": "exa mple"}, "dns_zone: exa mple is no host name"),
        ({"dns_resolvers": ["dns.google"]}, "dns_resolvers: dns.google is no address"),
        ({"dns_authoritative": "192.0.2.1"}, "dns_authoritative must be a list of addresses"),
    ],
)
def test_what_is_wrong_with_a_name_is_named(host: dict[str, Any], said: str) -> None:
    problems = declare(**host)["problems"]
    assert any(text.startswith("production/hosts.yml: site-dns: ") and said in text for text in problems), (
        problems
    )


@pytest.mark.parametrize(
    ("maintenance", "said"),
    [
        ("page", " must be a mapping"),
        ({"hosts": ["example.com"]}, " needs either worker"),
        ({"worker": "w", "hosts": ["example.com"], "records": {"site-dns": RECORDS}}, " needs either worker"),
        ({"worker": "w"}, ".hosts must be the names"),
        ({"worker": "w", "hosts": ["https://example.com"]}, ".hosts: https://example.com is no host name"),
        ({"worker": "w", "hosts": ["example.com"], "page": "x"}, " has no setting page"),
        (
            {"records": {"nobody": RECORDS}, "url": "https://x.example"},
            ".records: nobody is no host of the group dns",
        ),
        ({"records": {"site-dns": RECORDS}}, ".url must be the address of the page"),
        (
            {"records": {"site-dns": [{"type": "MX", "content": "m.x"}]}, "url": "https://x.example"},
            "lead to a page",
        ),
    ],
)
def test_what_is_wrong_with_the_page_is_named(maintenance: Any, said: str) -> None:
    problems = declare(maintenance)["problems"]
    assert any(
        text.startswith("production/group_vars/all.yml: maintenance") and said in text for text in problems
    ), problems
