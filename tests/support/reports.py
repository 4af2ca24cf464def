"""Reports as mail servers and Amazon SES write them about mail of ours, built by hand."""

from __future__ import annotations

import json
from collections.abc import Sequence

from tests.support.ses import Sent

SES_ID = "0102017c5e4a5d3c-5b1f6e4f-1c5a-4a0f-9a3e-8f0a3b3d9e0e-000000"


def multipart_report(to: str, kind: str, fields: Sequence[str], original: Sequence[str] = ()) -> bytes:
    """A multipart/report of type `kind`, whose machine-readable part has `fields`, about `original`."""
    lines = [
        "From: MAILER-DAEMON@mx.example.com",
        f"To: {to}",
        "Subject: A report",
        "Auto-Submitted: auto-replied",
        "MIME-Version: 1.0",
        f'Content-Type: multipart/report; report-type={kind}; boundary="b1"',
        "",
        *("--b1", "Content-Type: text/plain", "", "What became of your mail."),
        *("--b1", f"Content-Type: message/{kind}", "", *fields),
    ]
    if original:
        lines += ["--b1", "Content-Type: message/rfc822", "", *original, "", "Its words."]
    return "\r\n".join([*lines, "--b1--", ""]).encode()


def failed(recipient: str, status: str = "5.1.1", action: str = "failed") -> list[str]:
    """The fields of a delivery report about one recipient."""
    return [
        *("Reporting-MTA: dns; mx.example.com", ""),
        *(f"Final-Recipient: rfc822; {recipient}", f"Action: {action}", f"Status: {status}"),
        *(f"Diagnostic-Code: smtp; 550 {status} said no", ""),
    ]


def ses(kind: str, about: dict[str, object], mail: dict[str, object]) -> dict[str, object]:
    """A notification of SES."""
    return {"notificationType": kind, kind.lower(): about, "mail": {"messageId": SES_ID, **mail}}


def ses_bounce(mail: dict[str, object], *recipients: str, kind: str = "Permanent") -> dict[str, object]:
    bounced = [{"emailAddress": r, "status": "5.1.1", "diagnosticCode": "smtp; 550 no"} for r in recipients]
    return ses("Bounce", {"bounceType": kind, "bounceSubType": "General", "bouncedRecipients": bounced}, mail)


def ses_complaint(mail: dict[str, object], *recipients: str) -> dict[str, object]:
    """A notification that a person complained about a mail."""
    return ses("Complaint", {"complainedRecipients": [{"emailAddress": r} for r in recipients]}, mail)


def returned(sent: Sent) -> dict[str, object]:
    """The event that SES publishes of a mail to its simulator; empty for a mail that was not returned."""
    local = sent.given.recipient.partition("@")[0]
    if local not in {"bounce", "complaint"}:
        return {}
    tags = {name: [value] for name, value in sent.tags.items()}
    mail: dict[str, object] = {"messageId": sent.name, "destination": [sent.given.recipient], "tags": tags}
    told = (ses_bounce if local == "bounce" else ses_complaint)(mail, sent.given.recipient)
    return {"eventType" if name == "notificationType" else name: value for name, value in told.items()}


def by_sns(notice: dict[str, object], to: str) -> bytes:
    """The mail in which SNS sends a notification on."""
    envelope = {"Type": "Notification", "MessageId": "1", "Message": json.dumps(notice)}
    lines = [
        "From: AWS Notifications <no-reply@sns.amazonaws.com>",
        f"To: {to}",
        "Subject: AWS Notification Message",
        "Content-Type: text/plain; charset=utf-8",
        *("", json.dumps(envelope), "", "--", "To stop these mails, follow the link."),
    ]
    return "\r\n".join(lines).encode()
