"""Salesforce outbound messages: SOAP, unsigned; proven by a token in the address and the organization's id.

Source: developer.salesforce.com, "Outbound messaging". Each of up to 100 notifications is a delivery of its own.
Without the acknowledgement, Salesforce repeats them for a day.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from engine.mail.locale.language import noop
from engine.model.triggers import Posted, Proof
from engine.refusals import Code, Refused
from engine.triggers.proofs.connector import ELEMENTS_MAX, Connector, HookResponse, text_of

if TYPE_CHECKING:
    from xml.etree import ElementTree

_SPACE = "{http://soap.sforce.com/2005/09/outbound}"
_FIELDS_MAX = 500


def _prove(posted: Posted, proof: Proof, secret: str, now: datetime) -> bool:
    shown = parse_qs(urlsplit(posted.url).query, max_num_fields=10).get("token", [])
    if len(shown) != 1 or not secret or not hmac.compare_digest(shown[0].encode(), secret.encode()):
        return False
    try:
        found = _message(posted.body).findtext(f"{_SPACE}OrganizationId") or ""
    except Refused:
        return False
    return bool(proof.organization) and found[:15] == proof.organization[:15]


def _message(body: bytes) -> ElementTree.Element:
    """The notifications element. Raises Refused: INVALID_PAYLOAD."""
    from xml.etree import ElementTree

    try:
        text = body.decode("utf-8-sig")
        _refuse_declarations(text)
        found = ElementTree.fromstring(text.encode())  # noqa: S314 -- no document type, so no entities
    except (ValueError, ElementTree.ParseError, LookupError) as error:
        raise Refused(Code.INVALID_PAYLOAD, f"The body is not XML: {str(error)[:100]}.") from None
    message = found.find(f".//{_SPACE}notifications")
    if message is None:
        raise Refused(Code.INVALID_PAYLOAD, "The body is not an outbound message.")
    return message


def _refuse_declarations(text: str) -> None:
    """Refuse document types, which could define entities, and comments."""
    if "<!" in text.replace("<![CDATA[", ""):
        raise ValueError("it declares a document type")


def _elements(posted: Posted) -> Sequence[Any]:
    found = _message(posted.body).findall(f"{_SPACE}Notification")
    if len(found) > ELEMENTS_MAX:
        raise Refused(
            Code.INVALID_PAYLOAD, f"The message has {len(found)} notifications; {ELEMENTS_MAX} are allowed."
        )
    return [_notification(one) for one in found]


def _notification(element: ElementTree.Element) -> dict[str, Any]:
    """One notification as `{"id": …, "object": {field: text}}`; names without their namespace."""
    thing = element.find(f"{_SPACE}sObject")
    fields = [] if thing is None else list(thing)[:_FIELDS_MAX]
    return {
        "id": element.findtext(f"{_SPACE}Id") or "",
        "object": {one.tag.rpartition("}")[2]: one.text or "" for one in fields},
    }


def _delivery_id(posted: Posted, element: Any) -> str:
    return text_of(element["id"])


_ACK = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body>'
    '<notificationsResponse xmlns="http://soap.sforce.com/2005/09/outbound"><Ack>true</Ack></notificationsResponse>'
    "</soapenv:Body></soapenv:Envelope>"
)

CONNECTOR = Connector(
    _prove,
    weak=noop("An outbound message shows a token and the organization's id, and signs nothing."),
    elements=_elements,
    delivery_id=_delivery_id,
    answer=HookResponse(body=_ACK, media_type="text/xml"),
)
