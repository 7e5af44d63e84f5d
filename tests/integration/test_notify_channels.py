"""What each service gets, and what is made of what it answers, with real servers on this machine."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
import trustme

from plugins.module_utils.notify import mail, pagerduty, slack, webhook
from plugins.module_utils.notify.attempt import Again, Refused, Sent
from plugins.module_utils.notify.declared import declared_notifications
from plugins.module_utils.notify.message import Message
from tests.support import receivers
from tests.support.receivers import CLOSE, Answer, Mailbox, Request

INCIDENT = "20261125T010000Z-000001"


def message(channel: str, kind: str = "opened", **given: Any) -> Message:
    told: dict[str, Any] = {
        "number": 1,
        "incident": INCIDENT,
        "run": INCIDENT,
        "environment": "production",
        "kind": kind,
        "detail": "",
        "channel": channel,
        "audience": "responders",
        "severity": "HIGH",
        "drill": False,
        "time": "2026-11-25T01:00:00.123Z",
        "subject": "production: r4 <broke> & fell",
        "text": "It went wrong.\n\nauth-worker       fail   r4\nsite              pass   r4\n\nLook <here>.",
    }
    return Message(**{**told, **given})


def declared(**channels: Any) -> dict[str, Any]:
    found = declared_notifications({"notifications": channels, "contacts": None})
    assert set(found["channels"]) == set(channels), found["problems"]
    (only,) = found["channels"].values()
    taken: dict[str, Any] = only
    return taken


def answers(*said: Answer) -> Callable[[int, Request], Answer]:
    return lambda number, request: said[min(number, len(said) - 1)]


# --- Slack


def test_a_bot_writes_into_its_channel_and_thread() -> None:
    with receivers.http(receivers.slack) as chat:
        told = declared(slack={"token": "xoxb-1", "channel": "#incidents", "api_url": chat.url})
        first = slack.send(told, message("slack"), "")
        second = slack.send(told, message("slack", "resolved"), first.thread)
    assert (first.receipt, first.thread) == ("1700000000.000000", "1700000000.000000")
    assert second.thread == first.thread and second.receipt != first.receipt
    request = chat.requests[0]
    assert request.path == "/chat.postMessage" and request.headers["authorization"] == "Bearer xoxb-1"
    text = request.json["text"]
    assert text.startswith(f"*[{INCIDENT}] production: r4 &lt;broke&gt; &amp; fell*")
    assert "```auth-worker       fail   r4\nsite              pass   r4```" in text and "<here>" not in text
    assert chat.requests[1].json["thread_ts"] == first.thread


def test_a_webhook_is_led_by_the_incident() -> None:
    with receivers.http(answers((200, "ok", {}))) as chat:
        told = declared(slack={"webhook": f"{chat.url}/services/T/B/x"})
        slack.send(told, message("slack", to=("U0000001",)), "")
    assert chat.requests[0].path == "/services/T/B/x"
    assert chat.requests[0].json["text"].startswith(f"<@U0000001> *[{INCIDENT}]")


@pytest.mark.parametrize(
    ("error", "again"),
    [("ratelimited", True), ("internal_error", True), ("channel_not_found", False), ("invalid_auth", False)],
)
def test_what_slack_says_with_status_200_decides(error: str, again: bool) -> None:
    with receivers.http(answers((200, {"ok": False, "error": error}, {}))) as chat:
        told = declared(slack={"token": "xoxb-1", "channel": "#incidents", "api_url": chat.url})
        with pytest.raises(Again if again else Refused, match=error):
            slack.send(told, message("slack"), "")


# --- PagerDuty


@pytest.mark.parametrize(
    ("kind", "action", "severity"),
    [
        ("opened", "trigger", "error"),
        ("failed", "trigger", "critical"),
        ("acknowledged", "acknowledge", None),
        ("resolved", "resolve", None),
    ],
)
def test_pagerduty_has_one_alert_per_incident(kind: str, action: str, severity: str | None) -> None:
    with receivers.http() as pager:
        told = declared(pagerduty={"routing_key": "k" * 32, "api_url": pager.url})
        pagerduty.send(told, message("pagerduty", kind, action=action), "")
    (request,) = pager.requests
    body = request.json
    assert request.path == "/v2/enqueue"
    assert (body["routing_key"], body["event_action"], body["dedup_key"]) == ("k" * 32, action, INCIDENT)
    assert body.get("payload", {}).get("severity") == severity
    if severity:
        assert body["payload"]["source"] == "production" and INCIDENT in body["payload"]["summary"]


# --- The webhook


def test_the_webhook_is_signed_over_its_time_and_body() -> None:
    with receivers.http() as hook:
        told = declared(webhook={"url": hook.url, "secret": "s3cret-s3cret"})
        webhook.send(told, message("webhook"), "")
    (request,) = hook.requests
    stamp = request.headers["x-knowngood-timestamp"]
    signed = request.headers["x-knowngood-signature"]
    assert signed == webhook.signature("s3cret-s3cret", stamp, request.body)
    assert signed != webhook.signature("s3cret-s3cret", stamp, request.body + b" ")
    assert signed != webhook.signature("s3cret-s3cret", str(int(stamp) + 1), request.body)
    assert signed != webhook.signature("another", stamp, request.body)
    assert request.json["id"] == request.headers["x-knowngood-id"]
    assert request.json["event"] == "opened" and request.json["incident"] == INCIDENT


# --- What all three make of an answer


@pytest.mark.parametrize(
    ("said", "kind", "after"),
    [
        ((429, {}, {"Retry-After": "7"}), Again, 7),
        ((503, {}, {}), Again, 0),
        ((500, {}, {"Retry-After": "soon"}), Again, 0),
        (CLOSE, Again, 0),
        ((400, {}, {}), Refused, None),
        ((404, {}, {}), Refused, None),
        ((301, {}, {"Location": "http://127.0.0.1:9/elsewhere"}), Refused, None),
    ],
)
def test_an_answer_says_whether_to_ask_again(
    said: Answer, kind: type[Exception], after: float | None
) -> None:
    with receivers.http(answers(said)) as hook:
        told = declared(webhook={"url": hook.url, "secret": "s3cret-s3cret"})
        with pytest.raises(kind) as raised:
            webhook.send(told, message("webhook"), "")
    assert getattr(raised.value, "after", None) == after


def test_nobody_there_and_no_address() -> None:
    with receivers.nobody() as port:
        told = declared(webhook={"url": f"http://127.0.0.1:{port}", "secret": "s3cret-s3cret"})
        with pytest.raises(Again, match="connection refused"):
            webhook.send(told, message("webhook"), "")
    with pytest.raises(Refused, match="the address"):
        webhook.send({**told, "url": "https://"}, message("webhook"), "")


# --- E-mail


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with receivers.smtp() as found:
        yield found


def email(port: int, **given: Any) -> dict[str, Any]:
    told = {
        "host": "127.0.0.1",
        "port": port,
        "tls": "none",
        "from": "Known Good <ops@mustbeviral.com>",
        "to": {"responders": ["oncall@mustbeviral.com"]},
    }
    return declared(email={**told, **given})


def body(found: EmailMessage, kind: str) -> str:
    part = found.get_body((kind,))
    assert part is not None
    text: str = part.get_content()
    return text


def test_a_mail_is_plain_and_html_and_the_mails_of_an_incident_are_a_thread(mailbox: Mailbox) -> None:
    told = email(mailbox.port)
    to = ("oncall@mustbeviral.com", "second@mustbeviral.com")
    mail.send(told, message("email", to=to), "")
    mail.send(told, message("email", "resolved", to=to), "")
    mail.send(told, message("email", "resolved", to=to), "")
    first, second, again = mailbox.mails
    assert first["Subject"] == f"[{INCIDENT}] production: r4 <broke> & fell"
    assert first["To"] == "oncall@mustbeviral.com, second@mustbeviral.com"
    assert first["Auto-Submitted"] == "auto-generated" and first["References"] is None
    assert second["References"] == second["In-Reply-To"] == first["Message-ID"]
    assert second["Message-ID"] != first["Message-ID"]
    # The same message is the same mail, so that one that was sent twice shows once.
    assert again["Message-ID"] == second["Message-ID"]
    assert "site              pass   r4" in body(first, "plain") and "Look <here>." in body(first, "plain")
    assert "Look &lt;here&gt;." in body(first, "html") and "<h1" in body(first, "html")


@pytest.mark.parametrize(("said", "kind"), [("450 later", Again), ("550 unknown", Refused)])
def test_what_the_mail_server_says_of_a_recipient_decides(
    mailbox: Mailbox, said: str, kind: type[Exception]
) -> None:
    mailbox.refuse = [said]
    with pytest.raises(kind, match=said[:3]):
        mail.send(email(mailbox.port), message("email", to=("a@mustbeviral.com",)), "")
    mailbox.refuse = [said]
    sent = mail.send(email(mailbox.port), message("email", to=("a@mustbeviral.com", "b@mustbeviral.com")), "")
    assert "1 of 2 recipients refused" in sent.receipt


def test_starttls_is_checked_and_the_password_goes_only_through_it(tmp_path: Path) -> None:
    authority, stranger = trustme.CA(), trustme.CA()
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    for name, ca in (("ours", authority), ("theirs", stranger)):
        ca.cert_pem.write_to_path(str(tmp_path / name))
    given = {"tls": "starttls", "user": "ops", "password": "s3cret-s3cret"}
    with receivers.smtp(tls, login=True) as mailbox:
        with pytest.raises(Again, match="the certificate is not trusted"):
            mail.send(
                email(mailbox.port, **given, ca_file=str(tmp_path / "theirs")),
                message("email", to=("a@b.de",)),
                "",
            )
        assert mailbox.logins == []
        sent = mail.send(
            email(mailbox.port, **given, ca_file=str(tmp_path / "ours")), message("email", to=("a@b.de",)), ""
        )
        assert isinstance(sent, Sent)
        assert mailbox.logins == [("ops", "s3cret-s3cret")] and len(mailbox.mails) == 1


def test_a_server_without_starttls_does_not_get_the_message(mailbox: Mailbox) -> None:
    with pytest.raises(Refused):
        mail.send(email(mailbox.port, tls="starttls"), message("email", to=("a@b.de",)), "")
    assert mailbox.mails == []


def test_a_mail_server_that_says_nothing_or_is_not_there() -> None:
    with receivers.silent() as port, pytest.raises(Again, match="no answer in time"):
        mail.send(email(port), message("email", to=("a@b.de",)), "")
    with receivers.nobody() as port, pytest.raises(Again, match="connection refused"):
        mail.send(email(port), message("email", to=("a@b.de",)), "")
