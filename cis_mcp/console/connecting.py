"""Test Connection: one bounded request to a server's interface; of private networks only this server's own address."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from cis_mcp.console import words
from cis_mcp.console.guard import Visit
from engine.commands.agents.reaching import ReachOut
from engine.mail.locale.language import Language, noop
from engine.model.verbs import Verb
from engine.publicweb.addresses import resolve
from engine.publicweb.outside import Outside, why_not
from engine.refusals import Code, Refused
from engine.settings import Settings

DOMAIN = "cis-verify-domain"
_PATH = "/v1/events?limit=1"
_BYTES_MAX, _SECONDS, _DOMAIN_MAX, _KEY_MAX = 10_000, 10.0, 253, 500
_SAYS: Mapping[int, str] = {
    200: noop("the key is good"),
    401: noop("the server answers, and does not know the key"),
    403: noop("the server knows the key, which may not read"),
}
_ANOTHER = noop("a server of this product answers with 200")
_FAILURES = (noop("It did not answer in time."), noop("Its certificate cannot be trusted."))


@dataclass(frozen=True)
class Tested:
    """The result of the test, without the key."""

    domain: str
    url: str
    verified: bool
    response: str
    validation: str
    told: str
    """Both in words, in the language of whoever asked."""

    @property
    def words(self) -> str:
        """Name, response and validation, to be copied."""
        return f"Test Connection: {self.url}\nresponse: {self.response}\nvalidation: {self.validation}"


def remembered(visit: Visit) -> str:
    """The domain that this browser tested last; else this server's own."""
    kept = visit.request.cookies.get(DOMAIN, "")
    return kept if _is_domain(kept) else urlsplit(visit.engine.settings.public_url).netloc


async def tested(visit: Visit) -> Tested:
    """The server that the form names, asked with the key that it holds.

    Raises Refused: INVALID_ARGUMENT, OUT_OF_BOUNDS.
    """
    domain, key = visit.given("domain").lower(), visit.given("key")
    if not _is_domain(domain):
        raise Refused(
            Code.INVALID_ARGUMENT, "That is no domain.", "Such as invites.example.com, or a name with a port."
        )
    if not (0 < len(key) <= _KEY_MAX and key.isascii() and key.isprintable() and " " not in key):
        raise Refused(Code.INVALID_ARGUMENT, "That is no key.", "Paste the whole key, as it was shown once.")
    scheme = "http" if visit.given("environment") == "DEV" else "https"
    url = f"{scheme}://{domain}{_PATH}"
    if domain != urlsplit(visit.engine.settings.public_url).netloc.lower():
        await visit.apply(ReachOut(url=url, verb=Verb.READ))
    outside = Outside(await _reaching(visit.engine.settings, domain))
    try:
        checked = await outside.check(url)
        headers = {"Host": domain, "Accept": "application/json", "x-api-key": key}
        answer = await outside.request("GET", checked, headers, b"", seconds=_SECONDS, most=_BYTES_MAX)
    except Exception as error:  # noqa: BLE001 -- whatever the other side does is what was to be found out
        return Tested(
            domain, url, False, why_not(error), "the server answers", _failed(error, visit.language)
        )
    finally:
        await outside.close()
    response, validation = f"HTTP {answer.status}", _SAYS.get(answer.status, _ANOTHER)
    told = f"{response}: {visit.say(validation)}"
    return Tested(domain, url, answer.status == 200, response, validation, told)


def _failed(error: Exception, spoken: Language) -> str:
    """Why there was no answer."""
    if isinstance(error, Refused):
        return words.told(error, spoken)[0]
    why = why_not(error)
    return spoken.say(why) if why in _FAILURES else spoken.say("The connection failed.")


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
