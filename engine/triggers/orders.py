"""Orders that a shop posts to /order: proven, read as Shopify writes them, and carried out before they are answered.

Source: shopify.dev/docs/api/webhooks, topics orders/* and customers/redact.
"""

from __future__ import annotations

from typing import Any

from engine.commands.orders.ordering import LINES_MAX, AskToForget, OrderLine, TakeOrder
from engine.engine import Engine
from engine.model.actors import Actor
from engine.model.triggers import Posted, Proof, Sender
from engine.refusals import Code, Refused
from engine.triggers.proofs.connector import dig, json_of, text_of
from engine.triggers.proofs.proving import proven

_ID_MAX = 60
_TITLE_MAX = 200
_PAID = "paid"


class Orders:
    """Takes the orders of one shop in for one engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._proof = Proof(sender=Sender.SHOPIFY)

    @property
    def expected(self) -> bool:
        """True where a shop's secret is set."""
        return bool(self._engine.settings.shop_secrets)

    def proven(self, posted: Posted) -> bool:
        """True where one of the shop's secrets signs the body."""
        return proven(posted, self._proof, self._engine.settings.shop_secrets, self._engine.clock())

    async def take(self, posted: Posted) -> None:
        """Carry out what was posted, and proven. Raises Refused: INVALID_PAYLOAD, INVALID_ADDRESS, TOO_LARGE, BUSY."""
        payload = json_of(posted.body)
        actor = self._engine.local.model_copy(update={"face": "hook"})
        if isinstance(payload, dict) and isinstance(payload.get("line_items"), list):
            await self._order(payload, actor)
        elif isinstance(payload, dict) and "orders_to_redact" in payload:
            await self._engine.apply(AskToForget(address=_address(dig(payload, "customer", "email"))), actor)
        else:
            raise _no_order("it has neither line_items nor orders_to_redact")

    async def _order(self, payload: dict[str, Any], actor: Actor) -> None:
        lines = [_line(item) for item in payload["line_items"] if _is_line(item)]
        buyer = _buyer(payload)
        if not lines or not buyer:
            raise _no_order("no line of it has a product_id and a name, or it has no email")
        wanted = [line for line in lines if line.product_id in self._engine.settings.products_by_id]
        if len(wanted) > LINES_MAX:
            raise Refused(
                Code.TOO_LARGE, f"Its products stand in {len(wanted)} lines; {LINES_MAX} are carried out."
            )
        if not wanted or not _settled(payload):
            return
        order = TakeOrder(
            order=_id(payload.get("id")),
            buyer=buyer,
            name=_text(dig(payload, "customer", "first_name"))[:_TITLE_MAX],
            lines=tuple(wanted),
        )
        await self._engine.apply(order, actor)


def _settled(payload: dict[str, Any]) -> bool:
    """True for an order that is paid for and is no test."""
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
    """What the buyer wrote as `email` among the line's properties: for whom the plan is."""
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
    """A text of the payload; half a surrogate pair, which no database takes, is shown as a question mark."""
    return value.encode("utf-8", "replace").decode("utf-8") if isinstance(value, str) else ""


def _address(value: Any) -> str:
    """An address as it was written; what no database takes is none."""
    written = value.strip() if isinstance(value, str) else ""
    return written if _text(written) == written else "unreadable"


def _no_order(why: str) -> Refused:
    return Refused(Code.INVALID_PAYLOAD, f"That is no order: {why}.")
