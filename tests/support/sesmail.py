"""Mail as Amazon SES receives it: what it writes on top, as recorded in 2025, and the notification of its S3 action."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime

from tests.support.s3 import NAME, S3

RECEIPT = "X-SES-RECEIPT: AEFBQUFBQUFBQUFGQWpO"


def stamped(
    mail: EmailMessage,
    recipient: str,
    *,
    sender: str = "olga@cis.test",
    dmarc: str = "pass",
    results: bool = True,
    receipt: bool = True,
) -> bytes:
    """The bytes in the bucket: `results` and `receipt` are fields that SES writes."""
    domain = sender.rpartition("@")[2]
    helo = f"client-ip=192.0.2.7; envelope-from={sender}; helo=mail.{domain};"
    found = [
        f"Return-Path: <{sender}>",
        f"Received: from mail.{domain} (mail.{domain} [192.0.2.7])",
        " by inbound-smtp.eu-west-1.amazonaws.com with SMTP id 8i6cr4aeu15skb2lb71a0qo4ts7a8mbou5nfpgg1",
        f" for {recipient};",
        " Mon, 01 Mar 2027 08:24:59 +0000 (UTC)",
        "X-SES-Spam-Verdict: PASS",
        "X-SES-Virus-Verdict: PASS",
        f"Received-SPF: pass (spfCheck: domain of {domain} designates 192.0.2.7 as permitted sender) {helo}",
    ]
    if results:
        found += [
            "Authentication-Results: amazonses.com;",
            f" spf=pass (spfCheck: domain of {domain} designates 192.0.2.7 as permitted sender) {helo}",
            f" dkim=pass header.i=@{domain};" if dmarc == "pass" else " dkim=fail header.i=@evil.example;",
            f" dmarc={dmarc} header.from={domain};",
        ]
    found += [RECEIPT] * receipt + ["X-SES-DKIM-SIGNATURE: a=rsa-sha256; q=dns/txt; b=iiE56l2x"]
    return "\r\n".join([*found, ""]).encode() + b"\r\n".join(mail.as_bytes().splitlines()) + b"\r\n"


def notification(
    key: str, recipients: Sequence[str], at: datetime, bucket: str = NAME, sender: str = "olga@cis.test"
) -> dict[str, object]:
    """What the topic is told of a mail in the bucket."""
    passed = {"status": "PASS"}
    return {
        "notificationType": "Received",
        "mail": {
            "timestamp": at.isoformat(),
            "source": sender,
            "messageId": key.rpartition("/")[2],
            "destination": ["somebody-else@cis.test"],
            "headersTruncated": False,
            "headers": [{"name": "From", "value": sender}],
            "commonHeaders": {"from": [sender], "date": format_datetime(at)},
        },
        "receipt": {
            "timestamp": at.isoformat(),
            "processingTimeMillis": 311,
            "recipients": list(recipients),
            **{f"{name}Verdict": passed for name in ("spam", "virus", "spf", "dkim", "dmarc")},
            "action": {
                "type": "S3",
                "topicArn": "arn:aws:sns:eu-west-1:111122223333:cis",
                "bucketName": bucket,
                "objectKeyPrefix": "in/",
                "objectKey": key,
            },
        },
    }


def arrived(store: S3, key: str, raw: bytes, at: datetime) -> None:
    """SES has put a mail into the bucket."""
    store.put(key, raw, at)
