"""One batch makes the records what they shall be, and changes nothing that is so already."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from plugins.module_utils.dns.records import changes, in_words, kinds_of, longest_ttl, plain

PROXIED = {"type": "CNAME", "content": "site.pages.dev", "proxied": True}
ADDRESS = {"type": "A", "content": "192.0.2.80", "ttl": 60}


def stored(*records: dict[str, Any]) -> list[dict[str, Any]]:
    """As the API tells records: with ids, and with everything that it adds."""
    return [
        {
            "ttl": 1,
            "proxied": False,
            "comment": None,
            "tags": [],
            "settings": {},
            "meta": {},
            **record,
            "id": str(n),
        }
        for n, record in enumerate(records)
    ]


def apply(
    name: str, current: list[dict[str, Any]], body: dict[str, list[dict[str, Any]]]
) -> list[dict[str, Any]]:
    """What Cloudflare makes of a batch: deletes, patches, posts, in this order."""
    gone = {item["id"] for item in body.get("deletes", [])}
    left = {record["id"]: record for record in current if record["id"] not in gone}
    for patch in body.get("patches", []):
        left[patch["id"]] = {**left[patch["id"]], **patch}
    return [*left.values(), *body.get("posts", [])]


def test_an_alias_becomes_an_address_in_one_batch() -> None:
    body = changes("example.com", stored(PROXIED), [ADDRESS])
    assert body == {
        "deletes": [{"id": "0"}],
        "posts": [{"name": "example.com", "type": "A", "content": "192.0.2.80", "ttl": 60, "proxied": False}],
    }


def test_only_what_differs_is_patched() -> None:
    assert changes("example.com", stored(PROXIED), [PROXIED]) == {}
    # Whoever writes the name with a dot, or another TTL of what is proxied, means the same.
    assert (
        changes("example.com", stored(PROXIED), [{**PROXIED, "content": "Site.Pages.Dev.", "ttl": 300}]) == {}
    )
    body = changes("example.com", stored({**ADDRESS, "ttl": 300}), [ADDRESS])
    assert body == {"patches": [{"id": "0", **plain(ADDRESS)}]}


def test_a_comment_comes_back_with_its_record() -> None:
    kept = stored({**ADDRESS, "comment": "the old place"})
    (posted,) = changes("example.com", stored(PROXIED), kept)["posts"]
    assert posted["comment"] == "the old place"
    assert "id" not in posted


def test_addresses_and_aliases_go_together_and_mail_is_left_alone() -> None:
    assert kinds_of([ADDRESS]) == kinds_of([]) == ("A", "AAAA", "CNAME")
    assert kinds_of([{"type": "MX", "content": "m"}]) == ("MX",)


def test_how_long_an_answer_of_before_lives() -> None:
    assert longest_ttl(stored(PROXIED), 1800) == 300
    assert longest_ttl(stored({**ADDRESS, "ttl": 3600}, ADDRESS), 1800) == 3600
    assert longest_ttl([], 1800) == 1800


RECORD = st.fixed_dictionaries(
    {
        "type": st.sampled_from(["A", "AAAA", "CNAME", "MX", "TXT"]),
        "content": st.sampled_from(["192.0.2.1", "192.0.2.2", "a.example.com", "b.example.com"]),
        "ttl": st.sampled_from([1, 60, 300]),
        "priority": st.integers(0, 2),
    },
    optional={"proxied": st.booleans(), "comment": st.sampled_from(["x", ""])},
)
RECORDS = st.lists(RECORD, max_size=5, unique_by=lambda record: (record["type"], record["content"]))


@given(RECORDS, RECORDS)
def test_the_batch_makes_it_so_and_the_snapshot_leads_back(
    before: list[dict[str, Any]], wanted: list[dict[str, Any]]
) -> None:
    current = stored(*before)
    after = apply("example.com", current, changes("example.com", current, wanted))
    assert sorted(map(in_words, after)) == sorted(map(in_words, wanted))
    again = stored(*after)
    assert changes("example.com", again, wanted) == {}
    back = apply("example.com", again, changes("example.com", again, current))
    assert sorted(map(in_words, back)) == sorted(map(in_words, before))
