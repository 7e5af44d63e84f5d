"""What a person sees: a line per event that is worth one, and a board that fits the terminal."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plugins.module_utils.progress import Board, line_of

NAMES = ["auth-worker", "content-worker", "analytics-worker", "api-gateway", "websocket-worker", "site"]


def move(name: str, method: str = "deployment at 100 %") -> dict[str, Any]:
    label = "r3 (e2443716)"
    return {"component": name, "from_label": label, "to_label": "r2 (a70fff28)", "method": method}


def event(kind: str, **fields: Any) -> dict[str, Any]:
    return {"event": kind, "elapsed": 1.25, **fields}


PLAN = event(
    "plan",
    live_release="r3",
    release="r2",
    hash="eae6e84ef69e",
    moves=[move(name) for name in NAMES[:-1]] + [move("site", "none")],
)
RUN = [
    event("stage.start", stage="plan"),
    PLAN,
    event("stage.end", stage="plan", ok=True),
    event("stage.start", stage="rehearse"),
    *(event("rehearsed", component=name, verdict="pass") for name in NAMES),
    event("stage.end", stage="rehearse", ok=True),
    event("stage.start", stage="switch"),
    *(event("switch.start", component=name) for name in NAMES),
    *(event("switch.end", component=name, state="moved", seconds=0.021) for name in NAMES[:3]),
]


def board(events: list[dict[str, Any]], rows: int = 18) -> Board:
    made = Board(rows)
    for item in events:
        made.feed(item)
    return made


@pytest.mark.parametrize(
    ("item", "said"),
    [
        (event("stage.start", stage="switch"), "    1.2 s  switch"),
        (PLAN, "    1.2 s    r3 -> r2, 5 of 6 components to move"),
        (
            event(
                "trigger.evidence", component="app-db", check="reachable", verdict="fail", detail="refused"
            ),
            "    1.2 s    app-db               reachable fail: refused",
        ),
        (
            event("trigger.finding", says="app-db does not answer", helps="no"),
            "    1.2 s    finding: app-db does not answer",
        ),
        (
            event("rehearsed", component="site", verdict="fail", why="status 500"),
            "    1.2 s    site                 fail: status 500",
        ),
        (
            event("switch.end", component="site", state="stayed", seconds=0.5, problem="refused"),
            "    1.2 s    site                 stayed in 0.50 s: refused",
        ),
        (
            event("switch.unanswered", component="site", fault="connection reset"),
            "    1.2 s    site                 no answer (connection reset): reading back",
        ),
        (
            event("probe", component="site", verdict="pass", seconds=0.0123),
            "    1.2 s    site                 pass in 12 ms",
        ),
        (
            event("probe", component="site", verdict="fail", problems=["a", "b"]),
            "    1.2 s    site                 fail: a; b",
        ),
        (event("api.wait", seconds=12.3), "    1.2 s    waiting 12 s for Cloudflare's rate limit"),
        (
            event("api.retry", fault="GET x: status 500", pause=0.31),
            "    1.2 s    GET x: status 500: again in 0.3 s",
        ),
        (event("stage.end", stage="plan", ok=True), None),
        (event("api", method="GET", path="x", status=200, seconds=0.01), None),
        (event("something.new"), None),
    ],
)
def test_a_line_for_what_is_worth_one(item: dict[str, Any], said: str | None) -> None:
    assert line_of(item, verbose=False) == said


def test_verbose_shows_every_request() -> None:
    call = event("api", method="GET", path="workers/scripts", status=200, seconds=0.0123, ray="8a-FRA")
    assert line_of(call, verbose=True) == "    1.2 s      GET workers/scripts 200 12 ms 8a-FRA"
    run = event("wrangler", command="wrangler versions list", status=0, seconds=1.04)
    assert line_of(run, verbose=True) == "    1.2 s      wrangler versions list 0 1.0 s"


def test_a_wide_board_has_a_column_per_stage() -> None:
    lines = board(RUN).lines(2.5, 119)
    assert lines[0].strip() == "r3 -> r2, 5 of 6 components to move"
    assert lines[1].split() == ["component", "plan", "rehearse", "switch", "validate"]
    auth = "auth-worker r3 (e2443716) -> r2 (a70fff28) pass moved 0.02 s"
    assert lines[2].split() == auth.split()
    assert lines[5].split()[-2:] == ["pass", "..."]
    assert lines[-1] == "    2.5 s  switch"


@pytest.mark.parametrize(("columns", "shown"), [(79, "pass          moved 0.02 s"), (39, "moved 0.02 s")])
def test_a_narrow_board_shows_how_far_each_came(columns: int, shown: str) -> None:
    lines = board(RUN).lines(2.5, columns)
    rows = [line for line in lines if line.split()[0] in NAMES]
    assert [row.split()[0] for row in rows] == NAMES
    assert rows[0].rstrip().endswith(shown)
    assert all(len(row) <= columns for row in rows)


def test_a_set_that_does_not_fit_is_summed_up() -> None:
    lines = board(RUN, rows=5).lines(2.5, 79)
    assert lines[1:] == ["  6 components, 3 arrived", "    2.5 s  switch"]


FINDING = event("trigger.finding", says="it is not known whether payments is down", helps="unknown")
AWAY = event("trigger.finding", says="app-db does not answer", helps="no")


def test_findings_stay_where_they_are_seen_and_what_says_no_comes_first() -> None:
    lines = board([*RUN, FINDING, AWAY]).lines(2.5, 79)
    assert lines[1:3] == [
        "  finding: app-db does not answer",
        "  finding: it is not known whether payments is down",
    ]
    assert len(lines) == len(board(RUN).lines(2.5, 79)) + 2
    # Where not all fits, the components are summed up before a finding is left out.
    few = board([*RUN, *[FINDING] * 9, AWAY], rows=5).lines(2.5, 79)
    assert [line.strip() for line in few[1:]] == [
        "finding: app-db does not answer",
        *["finding: it is not known whether payments is down"] * 3,
        "6 components, 3 arrived",
        "2.5 s  switch",
    ]


def test_trouble_is_shown_until_the_next_stage() -> None:
    retry = event("api.retry", fault="GET x: status 500", pause=0.3)
    shown = board([*RUN, retry])
    assert "status 500" in shown.lines(2.5, 79)[-1]
    shown.feed(event("stage.start", stage="validate"))
    assert shown.lines(2.6, 79)[-1] == "    2.6 s  validate"


def test_a_board_that_is_over_says_nothing_of_what_is_being_done() -> None:
    assert board(RUN).lines(None, 79)[-1].split()[0] == "site"
    assert board([event("stage.start", stage="status")]).lines(None, 79) == []


def test_a_probe_counts_only_in_the_stage_that_proves() -> None:
    probe = event("probe", component="site", verdict="pass", seconds=0.01)
    assert "validate" not in json.dumps(board([*RUN[:4], probe]).lines(1.0, 39))
    shown = board([*RUN, event("stage.start", stage="validate"), probe]).lines(3.0, 79)
    assert shown[-2].split() == ["site", "pass", "...", "pass"]


@settings(deadline=None)
@given(
    st.lists(st.sampled_from([*RUN, FINDING, AWAY]), max_size=30), st.integers(20, 200), st.integers(5, 30)
)
def test_any_order_of_events_makes_a_board(events: list[dict[str, Any]], columns: int, rows: int) -> None:
    lines = board(events, rows).lines(1.0, columns)
    assert 1 <= len(lines) <= rows + 3
    assert all("\n" not in line for line in lines)
