"""Places to look from: declared without doubt, and what works from one alone is said as such."""

from typing import Any

import pytest

from plugins.module_utils.probe.check import Checked
from plugins.module_utils.probe.vantage import judged, problems_of

GOOD = [
    {"name": "fra", "proxy": "socks5://me:pass-word@10.0.0.1:1080"},
    {"name": "ams", "connect_to": "192.0.2.1:443"},
]


@pytest.mark.parametrize(
    ("declared", "says"),
    [
        ("fra", "vantage_points must be a list"),
        ({"name": "fra"}, "vantage_points must be a list"),
        (["fra"], "vantage_points[0] must be a mapping"),
        ([{"proxy": "http://p:1"}], "vantage_points[0].name is not set"),
        ([{"name": "fra"}], "vantage_points[0] needs a proxy or connect_to"),
        ([{"name": "here", "proxy": "http://p:1"}], "as for another place"),
        ([*GOOD, GOOD[0]], "vantage_points[2].name is fra, as for another place"),
        ([{"name": "fra", "proxy": "ftp://p:1"}], "vantage_points[0].proxy must be the address of a proxy"),
        ([{"name": "fra", "proxy": 5}], "vantage_points[0].proxy must be"),
        ([{"name": "fra", "proxy": "http://p:port"}], "vantage_points[0].proxy must be"),
        ([{"name": "fra", "connect_to": "https://x:1"}], "vantage_points[0].connect_to must be host:port"),
        ([{"name": "fra", "connect_to": "x"}], "vantage_points[0].connect_to must be host:port"),
        ([{"name": "fra", "connect_to": "x:1", "via": 1}], "vantage_points[0].via is no setting"),
    ],
)
def test_what_is_wrong_is_named(declared: Any, says: str) -> None:
    (problem,) = problems_of(declared)
    assert says in problem


def test_good_places_and_none() -> None:
    assert problems_of(GOOD) == problems_of([]) == []


def test_a_password_is_not_repeated() -> None:
    (problem,) = problems_of([{"name": "fra", "proxy": "ftp://me:pass-word@p:1"}])
    assert "pass-word" not in problem


PASS = Checked("auth", "pass", (), "u", 1, 0.1)
FAIL = Checked("auth", "fail", ("status 503 instead of 200",), "u", 9, 0.1)
BLIND = Checked("auth", "fail", ("the proxy refuses: it answers 403",), "u", 9, blind=True)


@pytest.mark.parametrize(
    ("there", "here", "verdict", "says"),
    [
        (PASS, PASS, "pass", ""),
        (FAIL, PASS, "fail", "it works from here, and not from fra: status 503 instead of 200"),
        (FAIL, FAIL, "fail", "status 503 instead of 200"),
        (PASS, FAIL, "pass", "it works from fra, and not from here"),
        # A place that is itself broken says nothing of the component.
        (BLIND, PASS, "inconclusive", "not known from fra: the proxy refuses: it answers 403"),
        (
            Checked("auth", "pass", (), "u", 3, 0.1, earlier=("no answer in time",)),
            PASS,
            "pass",
            "at attempt 3, after: no answer in time",
        ),
    ],
)
def test_a_split_is_said_as_such(there: Checked, here: Checked, verdict: str, says: str) -> None:
    found = judged("auth", "fra", there, here)
    assert (found["check"], found["verdict"], found["detail"]) == ("health from fra", verdict, says)
