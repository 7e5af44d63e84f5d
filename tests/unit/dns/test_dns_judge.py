"""What servers say of a name is held against what is declared: wrong, late, or not heard, each named."""

from plugins.module_utils.dns.judge import Expected, Verdict, expected, judge
from plugins.module_utils.dns.lookup import Said

WANT = Expected("A", "A", frozenset({"192.0.2.80"}), 60)
NEW, OLD = frozenset({"192.0.2.80"}), frozenset({"192.0.2.1"})


def said(server: str, values: frozenset[str], ttl: int = 60, kind: str = "A") -> Said:
    return Said(server, kind, values, ttl)


def test_all_say_the_same() -> None:
    found = judge(WANT, [said("ns1", NEW)], [said("r1", NEW, 12), said("r2", NEW, 60)])
    assert found == Verdict("pass", "A 192.0.2.80, TTL 60 s, says the authority (1 of 1) and 2 resolvers")


def test_a_resolver_that_remembers_is_named_with_the_time_that_is_left() -> None:
    found = judge(WANT, [said("ns1", NEW)], [said("r1", OLD, 212), said("r2", NEW, 60)])
    assert found.verdict == "fail"
    assert found.stale == 212
    assert "r1 says A 192.0.2.1 for 212 s more" in found.detail


def test_an_authority_that_says_something_else_is_named() -> None:
    found = judge(WANT, [said("ns1", NEW), said("ns2", OLD)], [said("r1", NEW)])
    assert found.verdict == "fail"
    assert "ns2 (authority) says A 192.0.2.1, not A 192.0.2.80" in found.detail
    assert found.stale == 0


def test_another_time_to_live_than_declared_is_named() -> None:
    assert (
        judge(WANT, [said("ns1", NEW, 3600)], []).detail
        == "the authority says a TTL of 3600 s, 60 s are declared"
    )


def test_who_is_silent_proves_nothing() -> None:
    silent = Said("r1", problem="no answer within 2 s")
    assert judge(WANT, [], [said("r1", NEW)]).verdict == "inconclusive"
    assert judge(WANT, [Said("ns1", problem="refused")], [said("r1", NEW)]).verdict == "inconclusive"
    assert judge(WANT, [said("ns1", NEW)], [silent]).verdict == "inconclusive"
    partly = judge(WANT, [said("ns1", NEW)], [silent, said("r2", NEW)])
    assert partly.verdict == "pass"
    assert "r1: no answer within 2 s" in partly.detail


def test_what_is_proxied_may_have_any_address_of_cloudflare_but_must_have_one() -> None:
    (want,) = expected([{"type": "CNAME", "content": "x.pages.dev", "proxied": True}], apex=False)
    assert want == Expected("A", "A", None, 300)
    two = frozenset({"104.16.0.1", "104.16.0.2"})
    assert judge(want, [said("ns1", two)], [said("r1", frozenset({"104.16.0.2"}))]).verdict == "pass"
    assert judge(want, [said("ns1", two)], [said("r1", OLD, 100)]).stale == 100
    assert judge(want, [Said("ns1", "A")], []).detail == "ns1 (authority) says that there is nothing"


def test_what_is_asked_follows_from_the_records() -> None:
    records = [
        {"type": "A", "content": "192.0.2.80", "ttl": 60},
        {"type": "AAAA", "content": "2001:db8::1", "ttl": 60},
        {"type": "MX", "content": "mail.example.com", "priority": 5},
    ]
    assert expected(records, apex=True) == [
        WANT,
        Expected("AAAA", "AAAA", frozenset({"2001:db8::1"}), 60),
        Expected("MX", "MX", frozenset({"5 mail.example.com"}), 300),
    ]
    alias = [{"type": "CNAME", "content": "x.example.org", "ttl": 120}]
    assert expected(alias, apex=False) == [Expected("A", "CNAME", frozenset({"x.example.org"}), 120)]
    # At the apex an alias is told as addresses.
    assert expected(alias, apex=True) == [Expected("A", "A", None, 120)]
