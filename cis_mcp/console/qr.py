"""QR codes to download, of pages, events and links."""

from __future__ import annotations

from starlette.responses import Response

from cis_mcp.pages.feed import QR, qr_code
from cis_mcp.pages.web import PRIVATE
from engine.refusals import Code, Refused


def code_of(address: str, ending: str, name: str) -> Response:
    """The code of an address, as a file. Raises Refused: INVALID_ARGUMENT."""
    if ending not in QR:
        raise Refused(Code.INVALID_ARGUMENT, "Codes are made as svg and png.", "Choose one of them.")
    headers = {
        "Content-Disposition": f'attachment; filename="qr-{name}.{ending}"',
        "Cache-Control": PRIVATE,
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "sandbox; default-src 'none'",
    }
    return Response(qr_code(address, ending), headers=headers, media_type=QR[ending])
