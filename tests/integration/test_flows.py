"""Flows against an application that is well, or wrong in the ways that a health check does not see."""

from __future__ import annotations

import json
import multiprocessing
import os
import stat
import time
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from plugins.module_utils.flow.left import FOLDER
from plugins.module_utils.journal import FILE, read
from plugins.module_utils.outcome import DONE, INVALID, NOT_PROVED
from plugins.module_utils.stage.flows import SPEC, work
from plugins.module_utils.stage.task import Task, perform
from tests.support.shop import FLOWS, Shop, open_shop

REWOUND = [{"name": "content-db", "method": "rewind", "earlier": {"moment": "2020-01-01T00:00:00+00:00"}}]


def flows(runs: Path, shop: Shop, *names: str, seconds: float = 0.9, **params: Any) -> dict[str, Any]:
    """The stage. With less than a second to go it does not try a second time."""
    given = {
        "environment_name": "test",
        "runs_dir": str(runs),
        "flows": {name: FLOWS[name] for name in names or FLOWS},
        "values": shop.values,
        "probing": {"seconds": seconds, "timeout": 5},
        **params,
    }
    checked = ArgumentSpecValidator(SPEC).validate(given)
    assert not checked.error_messages
    return perform(work, Task(checked.validated_parameters, check_mode=False, diff=False))


def verdicts(result: dict[str, Any]) -> dict[str, str]:
    return {check["check"].removeprefix("flow "): check["verdict"] for check in result["checks"]}


def detail(result: dict[str, Any], name: str) -> str:
    return next(str(check["detail"]) for check in result["checks"] if check["check"] == f"flow {name}")


def left(runs: Path) -> list[dict[str, Any]]:
    return [json.loads(path.read_text()) for path in sorted((runs / FOLDER / "test").glob("*.json"))]


def test_all_work_and_only_what_is_kept_is_left(tmp_path: Path) -> None:
    with open_shop() as shop:
        result = flows(tmp_path, shop, seconds=20)
        assert set(verdicts(result).values()) == {"pass"}, result
        assert result["outcome"]["exit_code"] == DONE
        assert "6 flows work" in result["outcome"]["message"]
        kept = left(tmp_path)
        assert sorted(item["flow"] for item in kept) == ["room", "session", "stored"]
        assert all(item["kept"] for item in kept)
        values = {item["flow"]: item["values"] for item in kept}
        assert list(shop.accounts) == [values["session"]["email"]]
        assert list(shop.items) == [values["stored"]["id"]]
        assert list(shop.rooms) == [values["room"]["id"]]
        assert shop.owed == 0

        asked = len(shop.asked)
        assert set(verdicts(flows(tmp_path, shop, seconds=20)).values()) == {"pass"}
        assert left(tmp_path) == kept, "what is kept is used, and stays"
        assert not any("/register" in request for request in shop.asked[asked + 30 :])


@pytest.mark.parametrize(
    ("fault", "name", "says"),
    [
        ("login-body", "login", "log in: nothing in the answer is token (token)"),
        ("forged", "login", "a forged session is refused: status 200 instead of 401"),
        ("no-register", "login", "register: status 503 instead of 201"),
        ("no-update", "content", "read the change: the body does not fulfil text == 'the second text': "),
        ("no-delete", "content", "it is gone: status 200 instead of 404"),
        ("wrong-amount", "payment", "amount == `499`: status is \"succeeded\", amount is 399"),
        ("charged-twice", "payment", "charge again: status 201 instead of 200"),
        ("refunded-twice", "payment", "refund again: the body does not fulfil refunded == $(refunded): refunded is"),
        ("payments-fail", "payment", "has failed since: the body does not fulfil failed == `0`: failed is 1"),
        ("drops", "room", "enter: the WebSocket was closed before an answer came (1011)"),
        ("no-echo", "room", "enter: the body does not fulfil echo == 'hello': echo is \"?\""),
        ("down", "session", "register: status 500 instead of 201"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(tmp_path: Path, fault: str, name: str, says: str) -> None:
    with open_shop(fault) as shop:
        result = flows(tmp_path, shop, name)
    assert verdicts(result) == {name: "fail"}
    assert says in detail(result, name)
    assert result["outcome"]["exit_code"] == INVALID
    assert f"(flow {name})" in result["outcome"]["message"]


def test_no_secret_is_written_where_people_read(tmp_path: Path) -> None:
    with open_shop("forged") as shop:
        result = flows(tmp_path, shop, secrets={"api_key": "a key of the test's"})
    journals = "".join(path.read_text() for path in tmp_path.glob(f"*/{FILE}"))
    told = json.dumps(result) + journals
    assert len(shop.seen) >= 4
    assert [secret for secret in (*shop.seen, "a key of the test's") if secret in told] == []
    folder = tmp_path / FOLDER / "test"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}


# --- across a rollback


def test_what_was_made_before_is_used_after(tmp_path: Path) -> None:
    with open_shop() as shop:
        made = flows(tmp_path, shop, part="before")
        assert made["why_not"] == {"session": "", "stored": "", "room": ""}
        assert "outcome" not in made
        result = flows(tmp_path, shop, came_before="switch", release="r2", why_not=made["why_not"])
        assert set(verdicts(result).values()) == {"pass"}, result
        assert sum("/register" in request for request in shop.asked) == 2


def test_sessions_that_end_with_a_rollback_are_a_failure_once(tmp_path: Path) -> None:
    with open_shop() as shop:
        why_not = flows(tmp_path, shop, "session", part="before")["why_not"]
        shop.sessions.clear()
        asked = {"came_before": "switch", "release": "r2", "why_not": why_not}
        result = flows(tmp_path, shop, "session", **asked)
        assert verdicts(result) == {"session": "fail"}
        assert detail(result, "session") == (
            "use the session: status 401 instead of 200; it works with what is made now"
        )
        assert result["outcome"]["message"].startswith("the set is at r2, but test: it does not hold that")
        assert "rollback.yml -i test -e release=<an older one>" in result["outcome"]["next"]
        assert len(shop.accounts) == 1, "what cannot be used any more is cleaned up"
        assert verdicts(flows(tmp_path, shop, "session")) == {"session": "pass"}


def test_a_row_that_is_lost_is_a_failure(tmp_path: Path) -> None:
    with open_shop() as shop:
        flows(tmp_path, shop, "stored", part="before")
        shop.items.clear()
        result = flows(tmp_path, shop, "stored", came_before="switch", why_not={"stored": ""})
    assert verdicts(result) == {"stored": "fail"}
    assert detail(result, "stored").startswith("read: status 404 instead of 200")


def test_a_broken_release_does_not_hold_up_its_rollback(tmp_path: Path) -> None:
    """Nothing can be made before, so what the last good time has left is used."""
    with open_shop() as shop:
        flows(tmp_path, shop, "session", "stored")
        shop.fault = "down"
        made = flows(tmp_path, shop, "session", "stored", "room", part="before")
        assert made["why_not"]["session"] == "register: status 500 instead of 201"
        assert "failed" not in made
        shop.fault = ""
        asked = {"came_before": "switch", "release": "r2", "why_not": made["why_not"]}
        result = flows(tmp_path, shop, "session", "stored", **asked)
        assert verdicts(result) == {"session": "pass", "stored": "pass"}
        assert len(shop.items) == 1


def test_what_is_not_known_of_the_time_before_is_a_remark(tmp_path: Path) -> None:
    with open_shop() as shop:
        why_not = {"session": "register: status 500 instead of 201"}
        result = flows(tmp_path, shop, "session", came_before="switch", release="r2", why_not=why_not)
    assert verdicts(result) == {"session": "inconclusive"}
    assert "not known whether anything survived the change: register: status 500" in detail(result, "session")
    assert result["outcome"]["exit_code"] == DONE
    assert any("flow session (auth-worker): not known" in line for line in result["outcome"]["details"])


def test_what_a_database_loses_by_going_back_is_not_looked_for(tmp_path: Path) -> None:
    with open_shop() as shop:
        flows(tmp_path, shop, "stored")
        made = flows(tmp_path, shop, "stored", part="before", databases=REWOUND)
        assert "content-db goes back to 2020-01-01" in made["why_not"]["stored"]
        assert len(shop.items) == 1, "nothing is written that would be lost"
        shop.items.clear()
        asked = {"came_before": "switch", "databases": REWOUND, "why_not": made["why_not"]}
        assert verdicts(flows(tmp_path, shop, "stored", **asked)) == {"stored": "inconclusive"}
        assert len(shop.items) == len(left(tmp_path)) == 1


def test_what_is_too_old_is_replaced(tmp_path: Path) -> None:
    with open_shop() as shop:
        flows(tmp_path, shop, "session")
        (file,) = (tmp_path / FOLDER / "test").glob("*.json")
        file.write_text(json.dumps({**json.loads(file.read_text()), "made": time.time() - 3301}))
        shop.sessions.clear()
        assert verdicts(flows(tmp_path, shop, "session")) == {"session": "pass"}
        assert len(shop.accounts) == len(left(tmp_path)) == 1


def test_nothing_is_kept_where_nothing_outlives_a_run(tmp_path: Path) -> None:
    with open_shop() as shop:
        made = flows(tmp_path, shop, part="before")
        result = flows(tmp_path, shop, came_before="switch", why_not=made["why_not"], keep=False)
        assert set(verdicts(result).values()) == {"pass"}
        assert (shop.accounts, shop.items, shop.rooms, left(tmp_path)) == ({}, {}, {}, [])


def test_an_environment_that_was_made_anew_has_nothing_of_the_one_before(tmp_path: Path) -> None:
    with open_shop() as shop:
        flows(tmp_path, shop, "session", account_id="before")
        # It is gone with all that was in it; another one has its name.
        shop.sessions.clear()
        new = {"account_id": "anew", "came_before": "switch", "why_not": {"session": "it was down"}}
        result = flows(tmp_path, shop, "session", **new)
        assert verdicts(result) == {"session": "inconclusive"}
        assert result["outcome"]["exit_code"] == DONE
        assert verdicts(flows(tmp_path, shop, "session", account_id="anew")) == {"session": "pass"}
        assert [item["account"] for item in left(tmp_path)].count("before") == 1
        # In its own account it is missed, as ever.
        lost = flows(tmp_path, shop, "session", account_id="before")
        assert verdicts(lost) == {"session": "fail"}


# --- cleaning up


def _killed(runs: Path, shop: Shop, names: tuple[str, ...]) -> None:
    os.setsid()
    flows(runs, shop, *names, seconds=60)


def test_the_next_run_cleans_up_after_one_that_was_killed(tmp_path: Path) -> None:
    with open_shop() as shop:
        # The item and the charge are made, and the answer to the request after that does not come.
        shop.strike = lambda number: "hang" if len(shop.items) + shop.owed == 2 else ""
        process = multiprocessing.get_context("fork").Process(
            target=_killed, args=(tmp_path, shop, ("content", "payment"))
        )
        process.start()
        until = time.monotonic() + 20
        while len(shop.items) + shop.owed < 2:
            assert time.monotonic() < until
            time.sleep(0.01)
        process.kill()
        process.join()
        shop.strike = lambda number: ""
        assert [item["kept"] for item in left(tmp_path)] == [False, False]
        # Even when the flows are not declared any more.
        result = flows(tmp_path, shop, "room")
        assert result["outcome"]["exit_code"] == DONE
        assert (shop.items, shop.owed) == ({}, 0)
        assert [item["flow"] for item in left(tmp_path)] == ["room"]


def test_what_another_run_is_doing_is_left_to_it(tmp_path: Path) -> None:
    with open_shop() as shop:
        shop.strike = lambda number: "hang" if shop.items else ""
        process = multiprocessing.get_context("fork").Process(
            target=_killed, args=(tmp_path, shop, ("content",))
        )
        process.start()
        until = time.monotonic() + 20
        while len(shop.asked) < 2:
            assert time.monotonic() < until
            time.sleep(0.01)
        shop.strike = lambda number: ""
        try:
            flows(tmp_path, shop, "login")
            assert len(shop.items) == 1
        finally:
            process.kill()
            process.join()
        flows(tmp_path, shop, "login")
        assert shop.items == {}


def test_what_cannot_be_cleaned_up_stays_written_down_and_is_told(tmp_path: Path) -> None:
    with open_shop() as shop:
        shop.strike = lambda number: "refuse" if shop.asked[number].startswith("DELETE") else ""
        result = flows(tmp_path, shop, "content")
        assert "not cleaned up yet: delete: status 500" in detail(result, "content")
        assert len(left(tmp_path)) == 1
        shop.strike = lambda number: ""
        assert set(verdicts(flows(tmp_path, shop, "content")).values()) == {"pass"}
        assert (shop.items, left(tmp_path)) == ({}, [])


def test_nothing_is_sent_when_nothing_can_be_written_down(tmp_path: Path) -> None:
    (tmp_path / FOLDER).write_text("in the way")
    with open_shop() as shop:
        result = flows(tmp_path, shop)
        assert shop.asked == []
        assert result["outcome"]["exit_code"] == NOT_PROVED
        assert "cannot be written" in detail(result, "login")
        assert set(flows(tmp_path, shop, part="before")["why_not"]) == {"session", "stored", "room"}


def test_time_that_is_over_is_no_verdict(tmp_path: Path) -> None:
    with open_shop() as shop:
        result = flows(tmp_path, shop, "login", "room", seconds=0)
    assert set(verdicts(result).values()) == {"inconclusive"}
    assert result["outcome"]["exit_code"] == NOT_PROVED
    assert detail(result, "login") == "the time was over before register"
    assert "--tags flows" in result["outcome"]["next"]


def test_a_moments_trouble_is_no_failure_and_is_told(tmp_path: Path) -> None:
    with open_shop() as shop:
        shop.strike = lambda number: "refuse" if number == 1 else ""
        result = flows(tmp_path, shop, "content", seconds=20)
        (check,) = result["checks"]
        assert (check["verdict"], check["attempts"]) == ("pass", 2)
        assert shop.items == {}


def test_in_check_mode_nothing_is_tried(tmp_path: Path) -> None:
    with open_shop() as shop:
        given = {"environment_name": "test", "runs_dir": str(tmp_path), "flows": FLOWS, "values": shop.values}
        valid = ArgumentSpecValidator(SPEC).validate({**given, "probing": {"seconds": 5}})
        assert "outcome" not in perform(work, Task(valid.validated_parameters, check_mode=True, diff=False))
        assert shop.asked == []


def test_the_journal_has_the_common_event(tmp_path: Path) -> None:
    with open_shop() as shop:
        flows(tmp_path, shop, "login", "payment")
    (journal,) = tmp_path.glob(f"*/{FILE}")
    checks = {event["check"]: event for event in read(journal) if event["event"] == "check"}
    assert set(checks) == {"flow login", "flow payment"}
    assert checks["flow login"]["component"] == "auth-worker"
    assert set(checks["flow payment"]["steps"]) == {step["name"] for step in FLOWS["payment"]["steps"]}
    assert (journal.parent / "validation.json").exists()
