"""Test Connection: one bounded request to a server's interface; of private networks only this server's own address."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

from cis_mcp.console.guard import Visit
from engine.publicweb.addresses import resolve
from engine.publicweb.outside import Outside, why_not
from engine.refusals import Code, Refused
from engine.settings import Settings

DOMAIN = "cis-verify-domain"
_PATH = "/v1/events?limit=1"
_BYTES_MAX, _SECONDS, _DOMAIN_MAX, _KEY_MAX = 10_000, 10.0, 253, 500


@dataclass(frozen=True)
class Tested:
    """What came of the test; the key is not among it."""

    domain: str
    url: str
    verified: bool
    response: str
    validation: str

    @property
    def words(self) -> str:
        """Name, response and validation, to be copied."""
        return f"Test Connection: {self.url}\nresponse: {self.response}\nvalidation: {self.validation}"


def remembered(visit: Visit) -> str:
    """The domain that this browser tested last; else this server's own."""
    kept = visit.request.cookies.get(DOMAIN, "")
    return kept if _is_domain(kept) else urlsplit(visit.engine.settings.public_url).netloc


async def tested(visit: Visit) -> Tested:
    """The server that the form names, asked with the key that it holds. Raises Refused: INVALID_ARGUMENT."""
    domain, key = visit.given("domain").lower(), visit.given("key")
    if not _is_domain(domain):
        raise Refused(
            Code.INVALID_ARGUMENT, "That is no domain.", "Such as invites.example.com, or a name with a port."
        )
    if not (0 < len(key) <= _KEY_MAX and key.isascii() and key.isprintable() and " " not in key):
        raise Refused(Code.INVALID_ARGUMENT, "That is no key.", "Paste the whole key, as it was shown once.")
    scheme = "http" if visit.given("environment") == "DEV" else "https"
    url = f"{scheme}://{domain}{_PATH}"
    outside = Outside(await _reaching(visit.engine.settings, domain))
    try:
        checked = await outside.check(url)
        headers = {"Host": domain, "Accept": "application/json", "x-api-key": key}
        answer = await outside.request("GET", checked, headers, b"", seconds=_SECONDS, most=_BYTES_MAX)
    except Exception as error:  # noqa: BLE001 -- whatever the other side does is what was to be found out
        return Tested(domain, url, False, why_not(error), "the server answers")
    finally:
        await outside.close()
    return Tested(domain, url, answer.status == 200, *_told(answer.status))


def _told(status: int) -> tuple[str, str]:
    known = {
        200: "the key is good",
        401: "the server answers, and does not know the key",
        403: "the server knows the key, which may not read",
    }
    return f"HTTP {status}", known.get(status, "a server of this product answers with 200")


async def _reaching(settings: Settings, domain: str) -> Settings:
    """This server's own address may be private; every other one has to be public."""
    own = urlsplit(settings.public_url)
    if domain != own.netloc.lower():
        return settings
    try:
        found = await resolve(own.hostname or "", own.port or 443)
    except OSError:
        return settings
    networks = ",".join(str(ipaddress.ip_network(address)) for address in found)
    return settings.model_copy(update={"local_receivers": networks})


def _is_domain(text: str) -> bool:
    """True for a host name or an address, with a port or without."""
    if not 0 < len(text) <= _DOMAIN_MAX or not text.isascii():
        return False
    return all(c.isalnum() or c in ".-:[]" for c in text) and any(c.isalnum() for c in text)
