"""E-mail by SMTP, plain and HTML; the mails of an incident to one audience are one thread."""

from __future__ import annotations

import re
import smtplib
import ssl
from collections.abc import Mapping
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from socket import gethostname
from typing import Any

from ..faults import in_words
from .attempt import CONNECT, READ, Again, Refused, Sent
from .message import Message
from .texts import html_of

__all__ = ["mail_of", "send"]


def send(declared: Mapping[str, Any], message: Message, thread: str) -> Sent:
    """Hand it to the mail server. Raises :class:`Again` and :class:`Refused`."""
    mail = mail_of(declared, message)
    try:
        server = _connected(declared)
        try:
            if declared["user"]:
                server.login(declared["user"], declared["password"])
            turned_down = server.send_message(mail)
        finally:
            # Without a farewell: it has been taken by now, and an error here would send it a second time.
            server.close()
    except smtplib.SMTPRecipientsRefused as error:
        codes = [code for code, _ in error.recipients.values()]
        raise _no(max(codes), f"no recipient was accepted, {len(codes)} refused") from None
    except smtplib.SMTPResponseException as error:
        # What the server says may repeat what it was told, so only the number is kept.
        raise _no(error.smtp_code, type(error).__name__) from None
    except smtplib.SMTPServerDisconnected as error:
        # smtplib calls it that too when the time is over.
        in_time = "timed out" not in str(error)
        raise Again("connection closed without an answer" if in_time else "no answer in time") from None
    except smtplib.SMTPException as error:
        raise Refused(type(error).__name__) from None
    except ssl.SSLError as error:
        raise Again(in_words(error)) from None
    except TimeoutError:
        raise Again("no answer in time") from None
    except OSError as error:
        raise Again(in_words(error)) from None
    lost = f", {len(turned_down)} of {len(message.to)} recipients refused" if turned_down else ""
    return Sent(f"{mail['Message-ID']}{lost}")


def mail_of(declared: Mapping[str, Any], message: Message) -> EmailMessage:
    """The mail: the same message has the same ``Message-ID`` whenever it is sent, so that one sent twice shows once."""
    domain = parseaddr(declared["from"])[1].rpartition("@")[2]
    first = f"<{_part(message.incident)}.{message.audience}@{domain}>"
    is_first = message.kind == "opened" and message.incident == message.run
    mail = EmailMessage()
    mail["From"], mail["To"] = declared["from"], ", ".join(message.to)
    mail["Subject"] = f"[{message.incident}] {message.subject}"
    mail["Date"] = format_datetime(_moment(message.time))
    mail["Message-ID"] = first if is_first else f"<{_part(message.id)}@{domain}>"
    if not is_first:
        mail["In-Reply-To"] = mail["References"] = first
    mail["Auto-Submitted"] = "auto-generated"
    if message.severity in ("CRITICAL", "HIGH"):
        mail["Importance"] = "high"
    mail.set_content(
        f"{message.text}\n\n-- \nIncident {message.incident}, {message.severity}, {message.time}\n"
    )
    mail.add_alternative(html_of(message), subtype="html")
    return mail


def _connected(declared: Mapping[str, Any]) -> smtplib.SMTP:
    host, port, name = declared["host"], declared["port"], gethostname()
    trusted = ssl.create_default_context(cafile=declared["ca_file"] or None)
    if declared["tls"] == "tls":
        server: smtplib.SMTP = smtplib.SMTP_SSL(host, port, name, timeout=CONNECT, context=trusted)
    else:
        server = smtplib.SMTP(host, port, name, timeout=CONNECT)
    assert server.sock is not None
    server.sock.settimeout(READ)
    if declared["tls"] == "starttls":
        try:
            server.starttls(context=trusted)
        except BaseException:
            server.close()
            raise
    return server


def _no(code: int, what: str) -> Exception:
    """4xx asks to come again later, 5xx not to (RFC 5321, 4.2.1)."""
    return Again(f"status {code}: {what}") if code < 500 else Refused(f"status {code}: {what}")


def _part(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text)


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return datetime.now(UTC)
