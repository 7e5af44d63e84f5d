"""The local zones answer over real DNS, and what the API changes is answered at once."""

import json
import socket
from collections.abc import Callable
from typing import Any

import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import pytest
from cloudflare import Cloudflare

from local_cloudflare.launch import Instance
from tests.support.api import Api
from tests.support.resolver import resolving

ZONE = "mustbeviral.com"


def ask(instance: Instance, name: str, kind: str = "A", *, tcp: bool = False) -> dns.message.Message:
    host, port = instance.dns.rsplit(":", 1)
    query = dns.message.make_query(name, kind)
    how = dns.query.tcp if tcp else dns.query.udp
    return how(query, host, port=int(port), timeout=5)


def said(answer: dns.message.Message) -> list[tuple[str, int, str]]:
    return [
        (dns.rdatatype.to_text(rrset.rdtype), rrset.ttl, data.to_text())
        for rrset in answer.answer
        for data in rrset
    ]


Add = Callable[..., dict[str, Any]]


@pytest.fixture
def add(shared: Instance, shared_api: Api, new_name: Callable[[], str]) -> Add:
    """Adds a record with the API; of a name of the test's own, where none is given."""
    own = new_name()

    def post(**record: Any) -> dict[str, Any]:
        record = {"name": f"{own}.{ZONE}", "ttl": 60, **record}
        made: dict[str, Any] = shared_api("POST", f"/zones/{shared.zones[ZONE]}/dns_records", record)
        return made

    return post


def test_records_are_answered_as_the_api_has_them(shared: Instance, add: Add) -> None:
    one = add(type="A", content="192.0.2.1", ttl=1)
    add(type="A", content="192.0.2.2", ttl=120)
    add(type="AAAA", content="2001:db8::1")
    add(type="MX", content="mail.example.com", priority=5)
    add(type="TXT", content='v=spf1 "all"')
    name = one["name"]
    assert sorted(said(ask(shared, name))) == [("A", 120, "192.0.2.1"), ("A", 120, "192.0.2.2")]
    assert said(ask(shared, name, "AAAA")) == [("AAAA", 60, "2001:db8::1")]
    assert said(ask(shared, name, "MX")) == [("MX", 60, "5 mail.example.com.")]
    assert said(ask(shared, name, "TXT")) == [("TXT", 60, r'"v=spf1 \"all\""')]
    answer = ask(shared, name.upper())
    assert answer.flags & dns.flags.AA
    assert len(said(answer)) == 2


def test_a_proxied_name_is_the_edge(shared: Instance, add: Add) -> None:
    name = add(type="CNAME", content="must-be-viral.pages.dev", proxied=True)["name"]
    assert said(ask(shared, name)) == [("A", 300, "127.0.0.1")]
    assert said(ask(shared, name, "CNAME")) == []
    nothing = ask(shared, name, "AAAA")
    assert (nothing.rcode(), said(nothing)) == (dns.rcode.NOERROR, [])
    assert nothing.authority[0].rdtype == dns.rdatatype.SOA


def test_an_alias_is_followed_within_the_zones(shared: Instance, add: Add) -> None:
    target = add(type="A", content="192.0.2.7")["name"]
    alias = f"alias-of-{target}"
    add(name=alias, type="CNAME", content=target, ttl=30)
    assert said(ask(shared, alias)) == [("CNAME", 30, f"{target}."), ("A", 60, "192.0.2.7")]
    add(name=f"away-{target}", type="CNAME", content="www.example.com", ttl=30)
    assert said(ask(shared, f"away-{target}")) == [("CNAME", 30, "www.example.com.")]


def test_what_is_not_there_says_for_how_long(shared: Instance, add: Add) -> None:
    deep = add(name=f"a.b.nothing-else.{ZONE}", type="A", content="192.0.2.3")["name"]
    assert ask(shared, f"no-such-name.{ZONE}").rcode() == dns.rcode.NXDOMAIN
    # Something is below it, so the name is there.
    assert ask(shared, deep.partition(".")[2]).rcode() == dns.rcode.NOERROR
    (soa,) = ask(shared, f"no-such-name.{ZONE}").authority[0]
    assert soa.minimum == 1800
    assert ask(shared, "example.com").rcode() == dns.rcode.REFUSED
    add(name=f"*.wild.{ZONE}", type="A", content="192.0.2.4")
    assert said(ask(shared, f"any.wild.{ZONE}")) == [("A", 60, "192.0.2.4")]


def test_the_zone_names_its_servers(shared: Instance) -> None:
    assert sorted(text for _, _, text in said(ask(shared, ZONE, "NS"))) == [
        "ns1.local-cloudflare.test.",
        "ns2.local-cloudflare.test.",
    ]
    assert said(ask(shared, ZONE, "SOA", tcp=True))[0][0] == "SOA"


def test_a_long_answer_comes_over_tcp(shared: Instance, add: Add) -> None:
    record = add(type="TXT", content="x" * 1000)
    for number in range(3):
        add(type="TXT", content=f"{number}" * 900)
    short = ask(shared, record["name"], "TXT")
    assert short.flags & dns.flags.TC
    assert said(short) == []
    assert len(said(ask(shared, record["name"], "TXT", tcp=True))) == 4


def test_what_is_no_question_does_no_harm(shared: Instance, add: Add) -> None:
    name = add(type="A", content="192.0.2.9")["name"]
    host, port = shared.dns.rsplit(":", 1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"\x00", (host, int(port)))
        sender.sendto(b"x" * 600, (host, int(port)))
    assert said(ask(shared, name)) == [("A", 60, "192.0.2.9")]


def test_a_batch_of_the_sdk_is_answered_at_once_and_late_by_a_cache(shared: Instance, add: Add) -> None:
    made = add(type="A", content="192.0.2.10")
    with resolving(shared.dns) as resolver:
        before = ask_at(resolver.address, made["name"])
        sdk = Cloudflare(api_token=shared.api_token, base_url=shared.api_url)
        sdk.dns.records.batch(
            zone_id=shared.zones[ZONE],
            deletes=[{"id": made["id"]}],
            posts=[{"name": made["name"], "type": "A", "content": "192.0.2.11", "ttl": 60}],
        )
        assert [text for _, _, text in said(ask(shared, made["name"]))] == ["192.0.2.11"]
        resolver.pass_time(30)
        assert [text for _, _, text in ask_at(resolver.address, made["name"])] == ["192.0.2.10"]
        resolver.pass_time(31)
        assert [text for _, _, text in ask_at(resolver.address, made["name"])] == ["192.0.2.11"]
    assert before == [("A", 60, "192.0.2.10")]


def ask_at(address: str, name: str) -> list[tuple[str, int, str]]:
    host, port = address.rsplit(":", 1)
    return said(dns.query.udp(dns.message.make_query(name, "A"), host, port=int(port), timeout=5))


def test_ready_says_where_it_is(shared: Instance) -> None:
    assert json.loads((shared.state / "ready.json").read_text())["dns"] == shared.dns
