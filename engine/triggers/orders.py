"""Orders that a shop posts to /order: proven, read in Shopify's format, and executed before the response.

Source: shopify.dev/docs/api/webhooks, topics orders/*, refunds/create, customers/data_request, customers/redact and
shop/redact.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from engine.commands.base import Command, Done
from engine.commands.orders.ordering import (
    LINES_MAX,
    AskForData,
    AskToForget,
    AskToForgetShop,
    OrderLine,
    TakeOrder,
)
from engine.commands.orders.returning import ReturnOrder
from engine.engine import Engine
from engine.model.actors import Actor
from engine.model.triggers import Posted, Proof, Sender
from engine.refusals import Code, Refused
from engine.triggers.proofs.connector import dig, json_of, text_of
from engine.triggers.proofs.proving import proven

_ID_MAX = 60
_TITLE_MAX = 200
_PAID, _RETURNED = "paid", frozenset({"refunded", "voided"})


class ShopOrders:
    """Receives the orders of one shop for one engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._proof = Proof(sender=Sender.SHOPIFY)

    @property
    def expected(self) -> bool:
        """True if a shop's secret is set."""
        return bool(self._engine.settings.shop_secrets)

    def proven(self, posted: Posted) -> bool:
        """True if one of the shop's secrets signs the body."""
        return proven(posted, self._proof, self._engine.settings.shop_secrets, self._engine.clock())

    async def take(self, posted: Posted) -> None:
        """Execute a proven request. Raises Refused: INVALID_PAYLOAD, INVALID_ADDRESS, TOO_LARGE, BUSY."""
        payload = json_of(posted.body)
        actor = self._engine.local.model_copy(update={"face": "hook"})
        if not isinstance(payload, dict):
            raise _no_order("it is no object")
        if isinstance(payload.get("line_items"), list):
            await self._order(payload, actor)
        elif isinstance(payload.get("refund_line_items"), list):
            await self._return(payload.get("order_id"), _returned([payload]), actor)
        elif command := _privacy(payload):
            await self._engine.apply(command, actor)
        else:
            raise _no_order("it has no line_items, and is neither a refund nor a privacy request")

    async def _order(self, payload: dict[str, Any], actor: Actor) -> None:
        lines = [_line(item) for item in payload["line_items"] if _is_line(item)]
        buyer = _buyer(payload)
        if not lines or not buyer:
            raise _no_order("no line of it has a product_id and a name, or it has no email")
        wanted = [line for line in lines if line.product_id in self._engine.settings.products_by_id]
        if len(wanted) > LINES_MAX:
            raise Refused(
                Code.TOO_LARGE, f"Its products are in {len(wanted)} lines; at most {LINES_MAX} are allowed."
            )
        returned = _all_returned(payload) or _returned(_refunds(payload))
        if returned:
            await self._return(payload.get("id"), returned, actor)
        if not wanted or not _settled(payload):
            return
        order = TakeOrder(
            order=_id(payload.get("id")),
            buyer=buyer,
            name=_text(dig(payload, "customer", "first_name"))[:_TITLE_MAX],
            lines=tuple(wanted),
        )
        await self._engine.apply(order, actor)

    async def _return(self, order: Any, lines: list[Any], actor: Actor) -> None:
        """Return lines of an order. Raises Refused: INVALID_PAYLOAD, TOO_LARGE."""
        known = self._engine.settings.products_by_id
        wanted = [_id(dig(line, "id")) for line in lines if text_of(dig(line, "product_id")) in known]
        if len(wanted) > LINES_MAX:
            raise Refused(
                Code.TOO_LARGE,
                f"It returns {len(wanted)} lines; at most {LINES_MAX} can be returned at once.",
            )
        if wanted:
            await self._engine.apply(ReturnOrder(order=_id(order), lines=tuple(dict.fromkeys(wanted))), actor)


def _all_returned(payload: dict[str, Any]) -> list[Any]:
    """All lines of an order that was cancelled or refunded in full; empty for a test order."""
    gone = payload.get("cancelled_at") or payload.get("financial_status") in _RETURNED
    return payload["line_items"] if gone and not payload.get("test") else []


def _refunds(payload: dict[str, Any]) -> list[Any]:
    return [] if payload.get("test") else _list(payload.get("refunds"))


def _returned(refunds: list[Any]) -> list[Any]:
    """The lines that refunds return in full; a refund of only money, or of part of a quantity, returns none."""
    found = [one for refund in refunds for one in _list(dig(refund, "refund_line_items"))]
    pieces, lines = Counter[str](), dict[str, Any]()
    for one in found:
        line = dig(one, "line_item")
        name = text_of(dig(line, "id"))
        pieces[name] += _count(dig(one, "quantity"))
        lines[name] = line
    return [line for name, line in lines.items() if pieces[name] >= _count(dig(line, "quantity"))]


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _count(value: Any) -> int:
    return value if isinstance(value, int) and value > 0 else 1


def _privacy(payload: dict[str, Any]) -> Command[Done] | None:
    """The command for a privacy request: a person's data, or the erasure of a person or of the whole shop."""
    if "orders_to_redact" in payload:
        return AskToForget(address=_address(dig(payload, "customer", "email")))
    if isinstance(payload.get("data_request"), dict):
        request = _id(dig(payload, "data_request", "id"))
        return AskForData(request=request, address=_address(dig(payload, "customer", "email")))
    if set(payload) == {"shop_id", "shop_domain"} and all(payload.values()):
        return AskToForgetShop()
    return None


def _settled(payload: dict[str, Any]) -> bool:
    """True for an order that is paid and not a test."""
    paid = payload.get("financial_status") in {None, _PAID}
    return paid and not payload.get("test") and not payload.get("cancelled_at")


def _buyer(payload: dict[str, Any]) -> str:
    given = (payload.get("email"), payload.get("contact_email"), dig(payload, "customer", "email"))
    return next((_address(one) for one in given if _address(one)), "")


def _is_line(item: Any) -> bool:
    return bool(text_of(dig(item, "product_id"))) and bool(
        _text(dig(item, "name")) or _text(dig(item, "title"))
    )


def _line(item: dict[str, Any]) -> OrderLine:
    return OrderLine(
        id=_id(item.get("id") or item.get("product_id")),
        product_id=_id(item["product_id"]),
        title=(_text(item.get("name")) or _text(item.get("title")))[:_TITLE_MAX],
        organizer=_organizer(item.get("properties")),
    )


def _organizer(properties: Any) -> str:
    """The address that the buyer entered as `email` in the line's properties: the person the plan is for."""
    for one in properties if isinstance(properties, list) else []:
        if _text(dig(one, "name")).strip().lower() == "email":
            return _address(dig(one, "value"))
    return ""


def _id(value: Any) -> str:
    found = text_of(value)
    if not found or len(found) > _ID_MAX or not found.isprintable():
        raise _no_order("an id is missing or too long")
    return found


def _text(value: Any) -> str:
    """A text of the payload; an unpaired surrogate, which no database accepts, becomes a question mark."""
    return value.encode("utf-8", "replace").decode("utf-8") if isinstance(value, str) else ""


def _address(value: Any) -> str:
    """An address as written; empty if it contains what no database accepts."""
    written = value.strip() if isinstance(value, str) else ""
    return written if _text(written) == written else "unreadable"


def _no_order(why: str) -> Refused:
    return Refused(Code.INVALID_PAYLOAD, f"That is not an order: {why}.")
