"""A run and the process that tells of it, with real servers on this machine, well and sick ones."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from plugins.module_utils.notify.outbox import Outbox
from tests.support import receivers
from tests.support.notifying import CONTACTS, Notifying, declared, eventually
from tests.support.receivers import CLOSE, HANG, Answer, Receiver, Request

TOKEN, KEY, SECRET, PASSWORD = (f"canary{number:02}-{what}" for number, what in enumerate("abcd"))


@pytest.fixture
def begin(tmp_path: Path) -> Iterator[Callable[..., Notifying]]:
    """Begins runs in one folder, and leaves none of their processes behind."""
    runs: list[Notifying] = []

    def make(notifications: dict[str, Any], run: str = "") -> Notifying:
        runs.append(Notifying(tmp_path / "runs", declared(notifications), run))
        return runs[-1]

    yield make
    for run in runs:
        run.clean()


def slack(receiver: Receiver) -> dict[str, Any]:
    return {"token": TOKEN, "channel": "#incidents", "api_url": receiver.url, "drill_channel": "#drills"}


def pagerduty(receiver: Receiver) -> dict[str, Any]:
    return {"routing_key": KEY, "api_url": receiver.url}


def texts(receiver: Receiver) -> list[str]:
    return [request.json["text"] for request in receiver.requests]


def test_a_run_is_told_from_its_beginning_to_its_end(begin: Callable[..., Notifying]) -> None:
    with (
        receivers.http(receivers.slack) as chat,
        receivers.http() as pager,
        receivers.http() as hook,
        receivers.smtp() as mailbox,
    ):
        run = begin(
            {
                "slack": slack(chat),
                "pagerduty": pagerduty(pager),
                "webhook": {"url": f"{hook.url}/hook", "secret": SECRET},
                "email": {
                    "host": "127.0.0.1",
                    "port": mailbox.port,
                    "tls": "none",
                    "from": "Known Good <ops@mustbeviral.com>",
                    "to": {
                        "responders": ["oncall@mustbeviral.com"],
                        "stakeholders": ["all@mustbeviral.com"],
                    },
                },
            }
        )
        run.whole()
        eventually(lambda: not run.senders(), run.states)
    said = texts(chat)
    assert all(f"*[{run.run}]" in text for text in said)
    words = ("has begun", "Ann Lee", "going to r2", "serves, and is", "resolved")
    assert len(said) == len(words)
    assert all(word in text for text, word in zip(said, words, strict=True)), said
    # The last message keeps the hash of the record of the verdict, by which the journal can be checked later.
    lines = run.journal.path.read_bytes().splitlines(keepends=True)
    [verdict] = [line for line in lines if json.loads(line)["event"] == "outcome"]
    assert f"knowngood verify {run.run} --head {sha256(verdict).hexdigest()}" in said[-1]
    first, *rest = [request.json for request in chat.requests]
    assert "thread_ts" not in first
    assert {body["thread_ts"] for body in rest} == {"1700000000.000000"}
    assert "<@U0000001>" in said[1]
    assert [request.json["event_action"] for request in pager.requests] == ["trigger", "resolve"]
    assert {request.json["dedup_key"] for request in pager.requests} == {run.run}
    assert [
        request.json["event"] for request in hook.requests if request.json["audience"] == "stakeholders"
    ] == [
        "opened",
        "mitigating",
        "resolved",
    ]
    assert {mail["To"] for mail in mailbox.mails} == {"oncall@mustbeviral.com", "all@mustbeviral.com"}
    assert set(run.states().values()) == {"sent"}
    told = run.notifications()
    assert {(event["channel"], event["audience"]) for event in told if event["state"] == "sent"} >= {
        ("slack", "responders"),
        ("pagerduty", "responders"),
    }
    assert all(event["receipt"] and event["attempts"] == 1 for event in told if event["state"] == "sent")


def test_a_server_that_hangs_holds_up_neither_the_run_nor_other_channels(
    begin: Callable[..., Notifying],
) -> None:
    with receivers.http(lambda number, request: HANG) as chat, receivers.http() as pager:
        run = begin({"slack": slack(chat), "pagerduty": pagerduty(pager)})
        warnings = run.whole()["warnings"]
        # The run is at its end, and the server has still not answered anything.
        assert not chat.released.is_set()
        assert [event["state"] for event in run.notifications() if event["channel"] == "pagerduty"] == [
            "sent",
            "sent",
        ]
        assert {event["state"] for event in run.notifications() if event["channel"] == "slack"} == {"unsent"}
        assert (
            "are not sent yet" in warnings[0] and "ansible-playbook notify.yml -i production" in warnings[0]
        )
        # And a process that is inside of a call to it ends with the command.
        run.kill()


@pytest.mark.parametrize("sick", ["hangs", "refuses"])
def test_the_end_of_the_command_leaves_no_process(begin: Callable[..., Notifying], sick: str) -> None:
    with receivers.http(lambda number, request: HANG) as chat, receivers.nobody() as closed:
        told = {**slack(chat), **({"api_url": f"http://127.0.0.1:{closed}"} if sick == "refuses" else {})}
        run = begin({"slack": told})
        run.stage("started")
        run.open()
        run.move()
        eventually(lambda: run.states(), run.states)
        assert run.senders()
        run.kill()
        eventually(lambda: not run.senders(), run.senders)
        assert run.states()["broke_off.slack.responders"] == "unsent"


def test_a_run_that_is_killed_is_told_of_and_the_next_level_called(begin: Callable[..., Notifying]) -> None:
    with receivers.http(receivers.slack) as chat:
        run = begin({"slack": slack(chat)})
        run.stage("started")
        run.open()
        run.move()
        eventually(lambda: len(chat.requests) == 4, run.states)
        run.kill()
        eventually(lambda: not run.senders(), run.states)
    assert "BROKE OFF" in texts(chat)[4]
    assert "<@U0000002>" in texts(chat)[5] and "the run failed" in texts(chat)[5]
    assert len(chat.requests) == 6


@pytest.mark.parametrize(
    ("code", "words", "called"),
    [
        (0, "resolved", False),
        (10, "REFUSED, nothing was changed", False),
        (11, "the set is mixed", True),
        (12, "not known that anything arrived", True),
        (13, "serves and does not work", True),
        (14, "the old set serves again", True),
        (15, "going back would not help", False),
    ],
)
def test_every_end_has_its_words_and_a_failure_calls_the_second_level_at_once(
    begin: Callable[..., Notifying], code: int, words: str, called: bool
) -> None:
    with receivers.http(receivers.slack) as chat, receivers.http() as pager:
        run = begin({"slack": slack(chat), "pagerduty": pagerduty(pager)})
        run.whole(code)
        eventually(lambda: not run.senders(), run.states)
    assert sum(words in text for text in texts(chat)) == 1
    assert any("<@U0000002>" in text for text in texts(chat)) is called
    # The third level is for those whom time has not brought anybody.
    assert not any("<@U0000003>" in text for text in texts(chat))
    last = pager.requests[-1].json
    assert last["event_action"] == ("resolve" if code == 0 else "trigger")
    if called:
        assert last["payload"]["severity"] == "critical"


def test_a_person_calls_everybody_at_once(begin: Callable[..., Notifying]) -> None:
    with receivers.http(receivers.slack) as chat:
        run = begin({"slack": slack(chat)})
        run.stage("started")
        run.open()
        run.journal.write("escalated", why="nobody of the first level answers")
        run.end(message="3 contact(s) of production are being called")
        run.stage("finished")
        eventually(lambda: not run.senders(), run.states)
    said = texts(chat)
    for person in CONTACTS:
        # The first was called when the incident was opened, and is called once.
        assert sum(f"<@{person['to']}>" in text for text in said) == 1
    assert sum("nobody of the first level answers" in text for text in said) == 2


def test_what_a_run_could_not_send_the_next_one_sends_once(begin: Callable[..., Notifying]) -> None:
    sick = [True]

    def answer(number: int, request: Request) -> Answer:
        return (503, {}, {}) if sick[0] else receivers.accepted(number, request)

    with receivers.http(answer) as pager:
        notifications = {"pagerduty": pagerduty(pager)}
        first = begin(notifications, "20261125T010000Z-000001")
        first.stage("started")
        first.open()
        eventually(lambda: pager.requests, first.states)
        first.kill()
        eventually(lambda: not first.senders(), first.states)
        assert list(first.states().values()) == ["unsent", "unsent"], first.states()
        sick[0] = False
        pager.requests.clear()
        second = begin(notifications, "20261125T020000Z-000002")
        second.whole()
        eventually(lambda: not second.senders(), second.states)
        keys = [(request.json["dedup_key"], request.json["event_action"]) for request in pager.requests]
        assert sorted(keys) == [
            (first.run, "trigger"),
            (first.run, "trigger"),
            (second.run, "resolve"),
            (second.run, "trigger"),
        ]
        assert set(first.states().values()) == {"sent"}
        pager.requests.clear()
        third = begin(notifications)
        third.stage("sent")
        # Nothing is sent twice, by whatever asks for it.
        assert pager.requests == []


def test_one_process_sends_for_a_run(begin: Callable[..., Notifying]) -> None:
    with receivers.http(receivers.slack) as chat:
        run = begin({"slack": slack(chat)})
        run.stage("started")
        run.stage("started")
        run.open()
        run.end()
        run.stage("finished")
        run.stage("finished")
        eventually(lambda: not run.senders(), run.states)
    assert sum("has begun" in text for text in texts(chat)) == 1
    ids = [event["id"] for event in run.notifications()]
    assert len(ids) == len(set(ids))


def test_a_second_run_of_an_incident_goes_on_in_its_thread(begin: Callable[..., Notifying]) -> None:
    with receivers.http(receivers.slack) as chat:
        for number in (1, 2):
            run = begin({"slack": slack(chat)}, f"20261125T01000{number}Z-00000{number}")
            run.whole(12 if number == 1 else 0, incident="INC-7")
            eventually(lambda run=run: not run.senders(), run.states)
    threads = [request.json.get("thread_ts") for request in chat.requests]
    assert threads[0] is None and set(threads[1:]) == {"1700000000.000000"}


def test_who_takes_it_on_is_told_and_nobody_else_is_called(begin: Callable[..., Notifying]) -> None:
    contacts = [{**contact, "after": after} for contact, after in zip(CONTACTS, (0, 0.02, 600), strict=True)]
    with receivers.http(receivers.slack) as chat, receivers.http() as pager:
        run = begin({"slack": slack(chat), "pagerduty": pagerduty(pager)})
        run.told = declared({"slack": slack(chat), "pagerduty": pagerduty(pager)}, contacts)
        run.stage("started")
        run.open()
        # The second level is called when its time has come, because nobody has taken it on.
        eventually(lambda: any("<@U0000002>" in text for text in texts(chat)), lambda: texts(chat))
        person = begin({"slack": slack(chat), "pagerduty": pagerduty(pager)})
        assert person.stage("sent", acknowledge="Bo Roe")["outcome"]["exit_code"] == 0
        eventually(lambda: "Bo Roe has taken it on" in texts(chat)[-1], lambda: texts(chat))
        eventually(lambda: [r.json["event_action"] for r in pager.requests] == ["trigger", "acknowledge"])
        run.end()
        run.stage("finished")


def test_a_drill_says_so_and_calls_nobody(begin: Callable[..., Notifying]) -> None:
    with receivers.http(receivers.slack) as chat, receivers.http() as pager:
        run = begin({"slack": slack(chat), "pagerduty": pagerduty(pager)})
        run.whole(12, drill=True)
        eventually(lambda: not run.senders(), run.states)
    assert pager.requests == []
    assert {request.json["channel"] for request in chat.requests} == {"#drills"}
    assert all("[DRILL]" in text and "<@" not in text for text in texts(chat))


def test_a_text_to_users_waits_for_the_approval_of_a_role(begin: Callable[..., Notifying]) -> None:
    with receivers.http() as hook:
        webhook = {"url": hook.url, "secret": SECRET, "audiences": ["users"]}
        notifications = {"webhook": webhook, "approver": "incident manager"}
        # Nobody in the chain can be reached by Slack here, so the contacts have mail.
        contacts = [{**contact, "how": "email", "to": "who@mustbeviral.com"} for contact in CONTACTS]
        with receivers.smtp() as mailbox:
            email = {
                "host": "127.0.0.1",
                "port": mailbox.port,
                "tls": "none",
                "from": "ops@mustbeviral.com",
                "to": {"responders": ["a@mustbeviral.com"]},
            }
            run = begin({"slack": {"webhook": "https://hooks.slack.com/services/x"}})
            run.told = declared({**notifications, "email": email}, contacts)
            warnings = run.whole(12)["warnings"]
            assert any("waits for approval" in warning for warning in warnings)
            assert hook.requests == []
            refused = run.stage("sent", approved_by="Ann Lee")["outcome"]
            assert refused["exit_code"] == 10 and "incident manager (Cy Fox)" in refused["message"]
            assert hook.requests == []
            assert run.stage("sent", approved_by="Cy Fox")["outcome"]["exit_code"] == 0
            assert [request.json["audience"] for request in hook.requests] == ["users"]
            assert "r4 answers nonsense" not in hook.requests[0].json["text"]
            assert (
                run.stage("sent", approved_by="Cy Fox")["outcome"]["message"] == "there was nothing to send"
            )


def test_secrets_are_nowhere(begin: Callable[..., Notifying], tmp_path: Path) -> None:
    def answer(number: int, request: Request) -> Answer:
        # A service that repeats what it was told.
        return 200, {"ok": False, "error": f"no {TOKEN} {request.headers.get('authorization')}"}, {}

    with receivers.http(answer) as chat, receivers.http() as pager, receivers.smtp(login=True) as mailbox:
        mailbox.refuse = [f"550 not with {PASSWORD}"] * 50
        run = begin(
            {
                "slack": slack(chat),
                "pagerduty": pagerduty(pager),
                "webhook": {"url": f"http://127.0.0.1:9/{SECRET}", "secret": SECRET},
                "email": {
                    "host": "127.0.0.1",
                    "port": mailbox.port,
                    "tls": "none",
                    "user": "ops",
                    "password": PASSWORD,
                    "from": "ops@mustbeviral.com",
                    "to": {"responders": ["a@mustbeviral.com"]},
                },
            }
        )
        run.stage("started")
        run.open()
        eventually(lambda: chat.requests and pager.requests, run.states)
        (pid,) = run.senders()
        process = [(Path("/proc") / str(pid) / name).read_text() for name in ("cmdline", "environ")]
        run.move()
        run.end(12)
        result = run.stage("finished")
        # Nobody listens at the address of the webhook, so the process would go on trying.
        run.clean()
    assert "refused" in run.states().values()
    files = [path.read_text(errors="replace") for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) > 5
    for text in [*files, *process, json.dumps(result)]:
        for canary in (TOKEN, KEY, SECRET, PASSWORD):
            assert canary not in text


def test_the_text_for_support_names_the_calls_that_failed(begin: Callable[..., Notifying]) -> None:
    with receivers.http(receivers.slack) as chat:
        run = begin({"slack": slack(chat)})
        run.stage("started")
        run.open()
        for status, ray in ((200, "aaaa-LOC"), (500, "bbbb-LOC"), ("no answer", None), (404, "cccc-LOC")):
            run.journal.write(
                "api", method="POST", path="workers/scripts/x/deployments", status=status, ray=ray
            )
        run.end(12)
        warnings = run.stage("finished")["warnings"]
        eventually(lambda: not run.senders(), run.states)
    text = (run.box / "cloudflare-support.txt").read_text()
    assert "bbbb-LOC" in text and "no answer" in text and "acc0" in text
    assert "aaaa" not in text and "cccc" not in text
    assert any("cloudflare-support.txt" in warning for warning in warnings)
    assert any("bbbb-LOC" in said for said in texts(chat))


def test_without_channels_nothing_is_started_or_written(begin: Callable[..., Notifying]) -> None:
    run = begin({"slack": {"webhook": "https://hooks.slack.com/services/x"}})
    run.told = {**run.told, "channels": {}}
    assert run.whole()["warnings"] == []
    assert not run.box.exists() and not run.senders()


def test_an_answer_that_breaks_off_is_asked_again_under_the_same_id(begin: Callable[..., Notifying]) -> None:
    with receivers.http(lambda number, request: CLOSE if number == 0 else (202, {}, {})) as hook:
        run = begin(
            {"webhook": {"url": hook.url, "secret": SECRET, "audiences": ["responders"]}, "slack": None}
        )
        run.whole()
        eventually(lambda: not run.senders(), run.states)
    ids = [request.json["id"] for request in hook.requests]
    assert ids[0] == ids[1] and len(set(ids)) == len(ids) - 1


def test_a_service_that_asks_to_come_later_is_asked_later(begin: Callable[..., Notifying]) -> None:
    def answer(number: int, request: Request) -> Answer:
        return (429, {}, {"Retry-After": "1"}) if number == 0 else (202, {}, {})

    with receivers.http(answer) as pager:
        run = begin({"pagerduty": pagerduty(pager)})
        run.whole()
        eventually(lambda: not run.senders(), run.states)
    assert [request.json["event_action"] for request in pager.requests] == ["trigger", "trigger", "resolve"]
    # The run did not wait for it, and the outbox has the receipt.
    assert run.notifications()[0]["state"] == "unsent"
    assert [receipt["attempts"] for receipt in Outbox(run.box).receipts()] == [2, 1]
