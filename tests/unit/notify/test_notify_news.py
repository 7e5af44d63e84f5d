"""What is said, of what, and to whom."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from plugins.module_utils.notify.chain import Chain
from plugins.module_utils.notify.compose import Composer
from plugins.module_utils.notify.message import Message
from plugins.module_utils.notify.news import News, Teller
from plugins.module_utils.notify.templates import TEMPLATES
from plugins.module_utils.notify.texts import Texts, html_of
from plugins.module_utils.redact import Redactor

OPENED = {"event": "incident.opened", "incident": "INC-7", "severity": "HIGH", "trigger": "health"}
PLAN = {"event": "plan", "release": "r2", "live_release": "r4", "moves": [{}, {}]}


def tell(*events: dict[str, Any]) -> list[News]:
    teller = Teller("20261125T010000Z-000001", "production")
    told = [teller.feed({"time": "2026-11-25T01:00:00Z", "elapsed": 1.0, **event}) for event in events]
    return [news for some in told for news in some]


def kinds(*events: dict[str, Any]) -> list[str]:
    return [news.kind for news in tell(*events)]


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (0, "resolved"),
        (10, "refused"),
        (11, "partial"),
        (12, "failed"),
        (13, "invalid"),
        (14, "restored"),
        (16, "not_proved"),
        (15, "declined"),
        (17, "cancelled"),
        (99, "failed"),
        (None, "failed"),
    ],
)
def test_each_end_is_something_of_its_own(code: int | None, kind: str) -> None:
    assert kinds(OPENED, PLAN, {"event": "outcome", "exit_code": code}) == ["opened", kind]


def test_what_is_not_whole_is_not_resolved() -> None:
    part = {**PLAN, "left_out": ["site"]}
    assert kinds(OPENED, part, {"event": "outcome", "exit_code": 0}) == ["opened", "in_part"]
    # An undo has no plan: it says what it did, and not that anything is over.
    assert kinds(OPENED, {"event": "outcome", "exit_code": 0}) == ["opened", "done"]


def test_a_run_without_an_incident_says_nothing() -> None:
    assert kinds(PLAN, {"event": "goal"}, {"event": "outcome", "exit_code": 13}) == []


def test_moved_is_said_only_when_something_moved_and_arrived() -> None:
    end = {"event": "stage.end", "stage": "switch"}
    moved = {"event": "switch.end", "state": "moved"}
    assert kinds(OPENED, {**end, "ok": True}) == ["opened"]
    assert kinds(OPENED, moved, {**end, "ok": False}) == ["opened"]
    assert kinds(OPENED, moved, {**end, "ok": True}) == ["opened", "switched"]


def test_a_loss_is_told_per_database_and_only_where_there_is_one() -> None:
    loss = {"rows": 3, "exact": False, "what": "values of content.tags"}
    moved = [
        {"event": "database.moved", "database": name, "losses": losses, "kept": ["/kept/1.jsonl"]}
        for name, losses in (("app-db", [loss]), ("content-db", []), ("more-db", [loss]))
    ]
    found = tell(OPENED, *moved)
    assert [(news.kind, news.detail) for news in found[1:]] == [
        ("data_loss", "app-db"),
        ("data_loss", "more-db"),
    ]
    said = Texts().subject_and_text(found[1], "stakeholders")
    assert said is not None and "up to 3 rows: values of content.tags" in said[1]
    # Where they are kept is for those who can go there.
    assert "/kept/1.jsonl" not in said[1]


def test_every_text_can_be_said_however_little_is_known() -> None:
    loss = {"rows": None, "exact": False, "what": "items"}
    teller = Teller("R", "production")
    said_of: list[News] = []
    for event in (
        {"event": "incident.opened", "incident": "I"},
        {"event": "goal", "hash": "5f14d0e0ab3b"},
        {"event": "switch.end", "state": "moved"},
        {"event": "stage.end", "stage": "switch", "ok": True},
        {"event": "database.moved", "database": "d", "losses": [loss]},
        {"event": "frozen"},
    ):
        said_of += teller.feed({"time": "", **event})
    said_of += teller.broke_off("")
    said_of += [
        teller.acknowledged("Ann", ""),
        teller.calls({"name": "A", "role": "b", "level": 1}, "why", ""),
    ]
    for code in (0, 10, 11, 12, 13, 14, 15, 16, 17):
        said_of += teller.feed({"event": "outcome", "exit_code": code, "time": "", "message": "it ended"})
    for left_out in ([], ["site"]):
        teller.feed({"event": "plan", "left_out": left_out, "time": ""})
        said_of += teller.feed({"event": "outcome", "exit_code": 0, "time": ""})
    assert {news.kind for news in said_of} == {name.split(".")[0] for name in TEMPLATES}
    texts = Texts()
    for news in said_of:
        for audience in texts.audiences(news.kind):
            said = texts.subject_and_text(news, audience)
            assert said is not None and said[0] and said[1], news.kind
            assert "None" not in " ".join(said) and "{" not in " ".join(said), said
    assert texts.problems == []


@pytest.mark.parametrize(
    ("step", "state", "said"),
    [
        ("maintenance", "on", "users get the maintenance page instead of the application"),
        ("maintenance", "off", "users get the application again"),
        ("failover", "on", "DNS leads users to the other place"),
        ("failover", "off", "DNS leads users back"),
        ("database", "on", "databases go back to a backup"),
        ("configuration", "on", "routes and crons become what was recorded"),
        ("escalate", "on", "everybody of the contact chain is called"),
    ],
)
def test_a_step_of_recovery_says_what_it_is_and_nothing_of_a_rollback(
    step: str, state: str, said: str
) -> None:
    opened = {**OPENED, "step": step, "state": state}
    texts = Texts()
    teller = Teller("R", "production")
    (begun,) = teller.feed({"time": "", **opened})
    for audience in ("responders", "stakeholders"):
        subject, text = texts.subject_and_text(begun, audience) or ("", "")
        assert said in text and "release that is known" not in text, text
        if audience == "responders":
            assert f"a step of recovery has begun: {step}" in subject
            assert ("state=off" in subject) == (state == "off")
    found = [*teller.broke_off(""), begun]
    for code in (0, 10, 11, 12, 13, 16, 17):
        found += teller.feed({"event": "outcome", "exit_code": code, "time": "", "message": "it ended"})
    for news in found:
        for audience in texts.audiences(news.kind):
            words = " ".join(texts.subject_and_text(news, audience) or ("", "")).replace("no rollback", "")
            assert not re.search("roll(ed )?back|taken back|earlier version|way back|arrived|mixed", words), (
                words
            )
            assert "{" not in words and "None" not in words
    assert texts.problems == []


def test_stakeholders_and_users_are_spared_the_commands() -> None:
    for kind in {name.split(".")[0] for name in TEMPLATES}:
        for audience in ("stakeholders", "users"):
            if f"{kind}.{audience}" in TEMPLATES:
                assert "ansible-playbook" not in TEMPLATES[f"{kind}.{audience}"]
                assert "{{ next }}" not in TEMPLATES[f"{kind}.{audience}"]


def test_a_text_of_the_inventory_replaces_the_shipped_one(tmp_path: Path) -> None:
    (tmp_path / "resolved.responders.j2").write_text("Over: {{ release }}\n\nWell done.")
    (tmp_path / "switched.stakeholders.j2").write_text("Moved\n\nIt moved.")
    (tmp_path / "opened.stakeholders.j2").write_text("")
    (tmp_path / "failed.responders.j2").write_text("Broken {{ no_such_thing }}")
    texts = Texts(str(tmp_path))
    news = tell(OPENED, PLAN, {"event": "outcome", "exit_code": 0})
    assert texts.subject_and_text(news[-1], "responders") == ("Over: r2", "Well done.")
    assert "stakeholders" in texts.audiences("switched")
    assert texts.subject_and_text(news[0], "stakeholders") is None
    # A text that cannot be used costs its own words, and not the message.
    failed = tell(OPENED, {"event": "outcome", "exit_code": 12, "message": "no answer"})[-1]
    said = texts.subject_and_text(failed, "responders")
    assert said is not None and said[0].startswith("production: FAILED")
    assert texts.problems and "no_such_thing" in texts.problems[0]


def test_a_template_of_an_inventory_that_names_nothing_is_found(tmp_path: Path) -> None:
    (tmp_path / "resovled.responders.j2").write_text("x")
    (tmp_path / "failed.responders.j2").write_text("{% if %}")
    problems = Texts(str(tmp_path)).check()
    assert len(problems) == 2
    assert "failed.responders.j2 cannot be read" in problems[0] and "resovled" in problems[1]


def test_html_escapes_what_it_shows() -> None:
    text = "<script>x</script>\n\nauth-worker   pass   <b>"
    message = Message(
        1, "I", "R", "production", "failed", "", "email", "responders", "HIGH", False, "", "<i>", text
    )
    page = html_of(message)
    assert "<script>" not in page and "&lt;script&gt;" in page and "<h1" in page and "<pre" in page


def test_secrets_and_the_prefix_of_drills() -> None:
    channels = {"slack": {"webhook": "", "drill_webhook": "", "drill_channel": "#drills"}}
    settings = {"channels": channels, "prefix": "[DRILL]", "account": ""}
    composer = Composer(settings, Texts(), Redactor(["canary-secret"]))
    opened = tell({**OPENED, "drill": True, "reason": "it said canary-secret"})[0]
    (message,) = composer.messages(opened)
    assert message.subject.startswith("[DRILL] production") and "canary" not in message.text
    del channels["slack"]["drill_channel"]
    channels["slack"]["drill_channel"] = ""
    # Without a place of its own a drill disturbs nobody.
    assert composer.messages(opened) == []


def contact(level: int, after: float) -> dict[str, Any]:
    return {"name": f"n{level}", "level": level, "after": after}


def test_the_chain_goes_on_until_somebody_takes_it_on() -> None:
    chain = Chain([contact(1, 0), contact(2, 15), contact(3, 30)])
    assert [c["level"] for c, _ in chain.due(0, acknowledged=False)] == [1]
    assert chain.due(14, acknowledged=False) == []
    assert [why for _, why in chain.due(15, acknowledged=False)] == ["nobody has taken it on for 15 minutes"]
    assert chain.due(31, acknowledged=True) == []
    assert [c["level"] for c, _ in chain.due(31, acknowledged=False)] == [3]
    assert chain.due(60, acknowledged=False) == chain.failed() == []


def test_a_failure_calls_the_second_level_whatever_the_time_and_whoever_has_it() -> None:
    chain = Chain([contact(1, 0), contact(2, 15), contact(3, 30)])
    chain.due(0, acknowledged=False)
    assert [(c["level"], why) for c, why in chain.failed()] == [(2, "the run failed")]
    assert [c["level"] for c, _ in Chain([contact(1, 5), contact(2, 15)]).failed()] == [1, 2]


def test_responders_keep_the_hash_of_the_record_and_nobody_else() -> None:
    head = "5" * 64
    ended = tell(
        OPENED, PLAN, {"event": "outcome", "exit_code": 0, "message": "it works", "seq": 90, "hash": head}
    )
    told = {
        audience: Texts().subject_and_text(ended[-1], audience) for audience in Texts().audiences("resolved")
    }
    assert all(told.values())
    assert [audience for audience, said in told.items() if said and head in said[1]] == ["responders"]
    assert f"knowngood verify 20261125T010000Z-000001 --head {head}" in (told["responders"] or ("", ""))[1]
