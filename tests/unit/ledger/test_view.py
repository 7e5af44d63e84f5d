"""What the entries of a ledger mean, taken together."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from plugins.module_utils.ledger.entry import Entry
from plugins.module_utils.ledger.errors import Damaged
from plugins.module_utils.ledger.view import View, set_fingerprint

BEGIN = datetime(2026, 11, 24, tzinfo=UTC)
HOUR = timedelta(hours=1)
New = tuple[str, Mapping[str, Any]]


def view(*new: New) -> View:
    """One entry an hour."""
    return View(
        Entry(kind, BEGIN + number * HOUR, "ann", body, f"{number}", (), number + 1)
        for number, (kind, body) in enumerate(new)
    )


def recorded(name: str, *, auth: str | None = None, web: str | None = None, **told: Any) -> New:
    return (
        "release",
        {"release": name, "versions": {"auth": auth or f"a-{name}", "web": web or f"w-{name}"}, **told},
    )


def evidence(name: str, verdict: str = "pass", **told: Any) -> New:
    return (
        "evidence",
        {"release": name, "verdict": verdict, "tier": "quick", "run": f"run of {name}", **told},
    )


def condemned(name: str | None, reason: str = "it broke", **versions: str) -> New:
    return (
        "condemned",
        {"release": name, "versions": versions, "reason": reason, "incident": "I-1", "run": "r"},
    )


def cleared(name: str | None, **versions: str) -> New:
    return ("cleared", {"release": name, "versions": versions, "reason": "it was the network"})


def names(found: View) -> list[str]:
    return [release.name for release in found.releases]


def served(found: View, name: str) -> timedelta | None:
    release = found.release(name)
    assert release is not None
    return release.served


def test_nothing_is_known_from_nothing() -> None:
    empty = View()
    assert (empty.releases, empty.goals, empty.frozen, empty.unfinished) == ((), {}, None, None)
    assert empty.release("r1") is None
    assert empty.condemned_release("r1") is None
    assert empty.condemned_version("auth", "a-r1") is None
    assert empty.config("f") is None
    assert not empty.was_cleared("r1")


def test_releases_come_newest_first_with_what_was_recorded() -> None:
    told = {"databases": {"main": {"level": "0042", "bookmark": "b"}}, "config": "f", "imported": True}
    found = view(recorded("r1", **told), recorded("r2"))
    assert names(found) == ["r2", "r1"]
    first = found.release("r1")
    assert first is not None
    assert (first.versions, first.recorded) == ({"auth": "a-r1", "web": "w-r1"}, BEGIN)
    assert (first.databases, first.config, first.imported) == (told["databases"], "f", True)
    second = found.release("r2")
    assert second is not None
    assert (second.databases, second.config, second.imported, second.evidence) == ({}, None, False, None)


def test_the_newest_evidence_counts() -> None:
    found = view(
        recorded("r1"), evidence("r1", "fail"), evidence("r1", "pass"), recorded("r2"), evidence("r2", "fail")
    )
    first, second = found.release("r1"), found.release("r2")
    assert first and first.evidence and second and second.evidence
    assert (first.evidence.verdict, first.evidence.time, first.evidence.by) == (
        "pass",
        BEGIN + 2 * HOUR,
        "ann",
    )
    assert second.evidence.verdict == "fail"


def test_evidence_of_other_versions_than_the_recorded_ones_counts_for_nothing() -> None:
    of_others = evidence("r1", set=set_fingerprint({"auth": "another"}))
    found = view(recorded("r1"), of_others).release("r1")
    assert found is not None and found.evidence is None
    of_these = evidence("r1", set=set_fingerprint({"web": "w-r1", "auth": "a-r1"}))
    found = view(recorded("r1"), of_these).release("r1")
    assert found is not None and found.evidence is not None


def test_headers_are_those_of_a_good_release_with_these_versions() -> None:
    told = {"headers": {"auth": ["Content-Security-Policy"]}}
    found = view(recorded("r1"), evidence("r1", **told), recorded("r2"), evidence("r2", "fail", **told))
    assert found.headers("r1", {"auth": "a-r1"}) == told["headers"]
    assert found.headers("r1", {"auth": "another"}) == {}
    assert found.headers("r2", {"auth": "a-r2"}) == {}
    assert found.headers("r3", {}) == {}


def test_evidence_of_a_release_that_was_never_recorded_is_kept_out() -> None:
    assert view(evidence("r1")).releases == ()


def test_a_release_serves_until_the_next_or_until_it_was_condemned() -> None:
    found = view(recorded("r1"), evidence("r1"), recorded("r2"), recorded("r3"), condemned("r3"))
    assert [served(found, name) for name in ("r1", "r2", "r3")] == [2 * HOUR, HOUR, HOUR]
    assert served(view(recorded("r1"), evidence("r1")), "r1") is None
    assert served(view(recorded("r1"), recorded("r2"), condemned("r1")), "r1") == HOUR


def test_clocks_that_do_not_agree_make_no_negative_time() -> None:
    late = Entry("release", BEGIN + HOUR, "ann", recorded("r1")[1], "1", (), 1)
    early = Entry("release", BEGIN, "bob", recorded("r2")[1], "2", ("1",), 2)
    found = View([late, early])
    assert served(found, "r1") == timedelta(0)
    assert names(found) == ["r2", "r1"]


def test_recorded_again_with_the_same_versions_keeps_what_was_known() -> None:
    found = view(recorded("r1", imported=True), evidence("r1"), recorded("r1", config="f"))
    release = found.release("r1")
    assert release is not None and release.evidence is not None
    assert (names(found), release.recorded, release.served) == (["r1"], BEGIN, None)
    assert (release.config, release.imported) == ("f", False)


def test_an_earlier_release_that_is_recorded_again_ends_the_time_of_the_later() -> None:
    found = view(recorded("r1"), recorded("r2"), recorded("r1"))
    assert names(found) == ["r2", "r1"]
    assert (served(found, "r1"), served(found, "r2")) == (HOUR, HOUR)


def test_recorded_again_with_other_versions_replaces_it_and_its_evidence() -> None:
    found = view(recorded("r1"), evidence("r1"), recorded("r2"), recorded("r1", auth="new"))
    release = found.release("r1")
    assert release is not None
    assert names(found) == ["r1", "r2"]
    assert (release.versions["auth"], release.evidence, release.recorded) == ("new", None, BEGIN + 3 * HOUR)
    assert release.served is None


def test_condemned_says_why() -> None:
    found = view(recorded("r1"), condemned("r1", "it lost orders", auth="a-r1"))
    for told in (found.condemned_release("r1"), found.condemned_version("auth", "a-r1")):
        assert told is not None
        assert (told.reason, told.incident, told.by, told.time, told.run) == (
            "it lost orders",
            "I-1",
            "ann",
            BEGIN + HOUR,
            "r",
        )
    assert found.condemned_version("web", "a-r1") is None
    assert found.condemned_version("web", "w-r1") is None


def test_what_was_never_recorded_can_be_condemned() -> None:
    assert view(condemned("r1"), recorded("r1")).condemned_release("r1") is not None
    assert view(condemned(None, auth="x")).condemned_version("auth", "x") is not None


def test_cleared_ends_what_was_condemned_with_the_release() -> None:
    found = view(
        recorded("r1"),
        condemned("r1", auth="a-r1"),
        condemned("r1", web="w-r1"),
        condemned(None, auth="other"),
        cleared("r1"),
    )
    assert found.condemned_release("r1") is None
    assert found.condemned_version("auth", "a-r1") is None
    assert found.condemned_version("web", "w-r1") is None
    assert found.condemned_version("auth", "other") is not None
    assert found.was_cleared("r1")


def test_a_version_is_cleared_by_itself() -> None:
    found = view(condemned("r1", auth="a", web="w"), cleared(None, auth="a"))
    assert found.condemned_version("auth", "a") is None
    assert found.condemned_version("web", "w") is not None
    assert found.condemned_release("r1") is not None
    assert not found.was_cleared("r1")


def test_the_newest_word_counts() -> None:
    found = view(condemned("r1"), cleared("r1"), condemned("r1", "again"))
    told = found.condemned_release("r1")
    assert told is not None and told.reason == "again"
    assert not found.was_cleared("r1")


def test_the_same_name_with_other_versions_is_condemned_no_more_but_its_old_versions_are() -> None:
    found = view(recorded("r1"), condemned("r1", auth="a-r1"), recorded("r1", auth="mended"))
    assert found.condemned_release("r1") is None
    assert found.condemned_version("auth", "a-r1") is not None
    assert not found.was_cleared("r1")
    same = view(recorded("r1"), condemned("r1", auth="a-r1"), recorded("r1"))
    assert same.condemned_release("r1") is not None


def test_a_config_is_found_by_its_fingerprint() -> None:
    settings = {"auth": {"crons": ["0 * * * *"]}}
    assert view(("config", {"fingerprint": "f", "settings": settings})).config("f") == settings


def test_goals_and_their_ends() -> None:
    found = view(
        ("goal", {"run": "one", "release": "r1"}),
        ("goal", {"run": "two", "release": "r2"}),
        ("end", {"run": "one", "exit_code": 0}),
        ("end", {"run": "never heard of"}),
    )
    assert found.goals["one"].end == {"run": "one", "exit_code": 0}
    assert found.unfinished == found.goals["two"]
    assert (found.goals["two"].time, found.goals["two"].by) == (BEGIN + HOUR, "ann")
    assert found.goals["two"].body["release"] == "r2"
    assert view(("goal", {"run": "one"}), ("end", {"run": "one"})).unfinished is None


def test_frozen_until_unfrozen() -> None:
    freeze = ("frozen", {"reason": "rolled back", "run": "r", "pages": {"site": {"was": True}}})
    found = view(freeze).frozen
    assert found is not None
    assert (found.reason, found.by, found.time, found.run) == ("rolled back", "ann", BEGIN, "r")
    assert found.pages == {"site": {"was": True}}
    assert view(freeze, ("unfrozen", {"reason": "mended"})).frozen is None


def test_a_second_freeze_keeps_what_the_first_found() -> None:
    found = view(
        ("frozen", {"reason": "one", "pages": {"site": {"was": True}}}),
        ("frozen", {"reason": "two", "pages": {"site": {"was": False}, "docs": {"was": True}}}),
    ).frozen
    assert found is not None
    assert (found.reason, found.pages) == ("two", {"site": {"was": True}, "docs": {"was": True}})


def test_a_kind_of_a_newer_tool_is_passed_over() -> None:
    assert names(view(recorded("r1"), ("weighed", {"release": 7}))) == ["r1"]


@pytest.mark.parametrize(
    "wrong",
    [
        ("release", {"release": "r1"}),
        ("release", {"release": 1, "versions": {}}),
        ("release", {"release": "r1", "versions": ["a"]}),
        ("release", {"release": "r1", "versions": {"auth": 1}}),
        ("evidence", {"release": "r1", "verdict": "maybe", "tier": "quick", "run": "r"}),
        ("condemned", {"release": "r1", "versions": {}}),
        ("goal", {}),
        ("frozen", {"reason": None}),
    ],
)
def test_an_entry_that_is_not_what_its_kind_asks_for_is_named(wrong: New) -> None:
    with pytest.raises(Damaged, match=f"entry 2 of the ledger \\({wrong[0]}, by ann\\)"):
        view(recorded("r1"), wrong)
