"""Sign people in to the web pages by a link that works once, and out again."""

from __future__ import annotations

import hashlib
from datetime import datetime

from pydantic import Field

from engine.commands import notices, text
from engine.commands.agents.readable import read_by_a_key
from engine.commands.agents.standing import live
from engine.commands.base import Command, Done, Work
from engine.commands.operators.operators import may_administer
from engine.commands.prompting import Cause, prompted
from engine.mail.locale.language import Language
from engine.model.actors import Actor
from engine.model.messages import Notice
from engine.model.sessions import LINK_LASTS, NOTED_EVERY, LoginSession, SignedInAs, SignInLink
from engine.refusals import Code, Refused

CODE_LENGTH = 32
"""Characters of 36: 165 bits."""
SECRET_LENGTH = 40


def digest(secret: str) -> str:
    """What is stored of a code or a cookie; both are long enough for one SHA-256."""
    return hashlib.sha256(secret.encode()).hexdigest()


class Asked(Done):
    """A link was requested; the requester must not learn `mailed`."""

    mailed: bool


class AskToSignIn(Command[Asked]):
    """Mail a link to somebody whom the server knows: an organizer, who decides what waits, the owner of a key."""

    address: str
    proven: bool = Field(False, description="it was asked for by a mail whose sender is proven")

    async def carry_out(self, work: Work) -> Asked:
        """Raises Refused: INVALID_ADDRESS."""
        address = text.address(self.address)
        cause = Cause.SIGN_IN_PROVEN if self.proven else Cause.SIGN_IN
        if not await _known(work, address) or not await prompted(work, cause, address, address):
            return Asked(mailed=False)
        code = work.randomness.word(CODE_LENGTH)
        page = work.settings.page(f"signin/{code}")
        if not page:
            return Asked(mailed=False)
        await work.unit.add_sign_in(_link(work, code, SignedInAs.MAILBOX, address))
        notice = _notice(page, await notices.language_of(work, address))
        await work.unit.add_messages([notices.message(work, address, address, notice, None)], priority=0)
        return Asked(mailed=True)

    def subject(self) -> str:
        """What the record names it by, without secrets."""
        return "sign in"


async def _known(work: Work, address: str) -> bool:
    """Whom a link is mailed to: nobody whose mail a key or this server reads, and no stranger."""
    if work.settings.is_own_mailbox(address) or await read_by_a_key(work, address):
        return False
    if await work.unit.knows_organizer(address) or await work.unit.decides(address):
        return True
    return bool(await live(work.unit, await work.unit.keys_owned(address), work.now))


def _link(work: Work, code: str, signs_in: SignedInAs, address: str) -> SignInLink:
    return SignInLink(
        digest=digest(code),
        signs_in=signs_in,
        address=address,
        created=work.now,
        expires=work.now + LINK_LASTS,
    )


def _notice(page: str, language: Language) -> Notice:
    say = language.say
    once = language.some(
        "It works once, for {n} minute. If you did not ask for it, do nothing: nothing will happen.",
        "It works once, for {n} minutes. If you did not ask for it, do nothing: nothing will happen.",
        int(LINK_LASTS.total_seconds() // 60),
    )
    opening = say("To sign in, open this page and press its button:")
    return Notice(subject=say("Sign in"), text=f"{opening}\n{page}\n\n{once}\n")


class LinkMade(Done):
    """The code of a new link, shown once."""

    code: str = Field(repr=False)


class MakeSignInLink(Command[LinkMade]):
    """Make a link at the machine that signs its operator in."""

    async def carry_out(self, work: Work) -> LinkMade:
        """Raises Refused: NOT_ALLOWED."""
        may_administer(work.actor)
        if not work.actor.everywhere:
            raise Refused(Code.NOT_ALLOWED, "Only the operator at the machine may do that.")
        code = work.randomness.word(CODE_LENGTH)
        await work.unit.add_sign_in(_link(work, code, SignedInAs.OPERATOR, work.actor.address))
        return LinkMade(code=code)


class SignedIn(Done):
    """A new session; `secret` goes into the cookie and is stored nowhere."""

    session: LoginSession
    secret: str = Field(repr=False)


class SigningIn(Command[SignedIn]):
    """Base of commands that begin a session for a verified person."""

    async def begin(
        self, work: Work, signed_in: SignedInAs, address: str, **of_it: str | frozenset[str]
    ) -> SignedIn:
        """A new session of `address`; `of_it`: what else it keeps of what was shown."""
        secret = work.randomness.word(SECRET_LENGTH)
        begun = LoginSession(
            digest=digest(secret), signed_in=signed_in, address=address, created=work.now, seen=work.now
        )
        session = begun.model_copy(update=of_it)
        await work.unit.add_session(session)
        return SignedIn(session=session, secret=secret)

    def subject(self) -> str:
        """What the record names it by, without secrets."""
        return "sign in"


class SignIn(SigningIn):
    """Sign in by a one-time link, which is then used."""

    code: str = Field(max_length=100, repr=False)

    async def carry_out(self, work: Work) -> SignedIn:
        """Raises Refused: CONFIRM_TOKEN_INVALID."""
        link = usable(await work.unit.sign_in(digest(self.code)), work.now)
        if link.signs_in is SignedInAs.MAILBOX and await read_by_a_key(work, link.address):
            raise Refused(
                Code.CONFIRM_TOKEN_INVALID, "A key acts for that address, so it cannot be used to sign in."
            )
        await work.unit.save_sign_in(link.model_copy(update={"used": work.now}))
        return await self.begin(work, link.signs_in, link.address)


class SignInWithKey(SigningIn):
    """Sign in by a key that somebody shows; the session ends with the key."""

    secret: str = Field(max_length=200, repr=False)

    async def carry_out(self, work: Work) -> SignedIn:
        """Raises Refused: UNKNOWN_KEY, NOT_ALLOWED."""
        key = await work.unit.key_with(digest(self.secret))
        if key is None or not await live(work.unit, [key], work.now):
            raise Refused(Code.UNKNOWN_KEY, "This key does not work here.", "Ask for a new one.")
        if key.api or key.tier or key.tools:
            raise Refused(
                Code.NOT_ALLOWED,
                "This key is limited to some tools or paths, so it cannot sign in.",
                "Use a key without such limits, or sign in by mail.",
            )
        return await self.begin(work, SignedInAs.KEY, key.address, key=key.digest)

    def committed(self) -> bytes:
        """The hash of the key, not the key."""
        return digest(self.secret).encode()


def usable(link: SignInLink | None, now: datetime) -> SignInLink:
    """`link`, or Refused(CONFIRM_TOKEN_INVALID) if it is unknown, used or too old."""
    if link is None or link.used or link.expires <= now:
        raise Refused(Code.CONFIRM_TOKEN_INVALID, "This link no longer works.", "Ask for a new one.")
    return link


class Seen(Done):
    """A session that was used or ended."""


class UseSession(Command[Seen]):
    """Note that a session is in use."""

    digest: str = Field(repr=False)

    async def carry_out(self, work: Work) -> Seen:
        """Refuses nothing."""
        found = await work.unit.session(self.digest)
        if found and found.lasts(work.now) and work.now - found.seen >= NOTED_EVERY:
            await work.unit.save_session(found.model_copy(update={"seen": work.now}))
        return Seen()


class ChooseOrganizer(Command[Seen]):
    """Have the session of whoever owns a domain show the pages of one organizer there; empty: of none."""

    digest: str = Field(repr=False)
    organizer: str = Field(max_length=400)

    async def carry_out(self, work: Work) -> Seen:
        """Raises Refused: NOT_ALLOWED."""
        found = await work.unit.session(self.digest)
        if found is None or not found.lasts(work.now):
            raise Refused(Code.NOT_ALLOWED, "You are not signed in any more.", "Sign in again.")
        organizer = text.address(self.organizer) if self.organizer else ""
        owner = Actor(kind="organizer", address=found.address)
        if organizer and not (owner.domain and owner.owns(organizer)):
            raise Refused(Code.NOT_ALLOWED, "Those are another organizer's.")
        await work.unit.save_session(found.model_copy(update={"chosen": organizer}))
        return Seen()

    def subject(self) -> str:
        """What the record names it by, without secrets."""
        return "session"


class SignInWithToken(SigningIn):
    """Sign in by a token of the OAuth issuer, which was checked; the session may what the token allowed."""

    address: str
    issuer: str
    name: str = Field(description="the token's `sub`")
    scopes: frozenset[str]

    async def carry_out(self, work: Work) -> SignedIn:
        """Raises Refused: NOT_ALLOWED."""
        if work.actor.kind != "system":
            raise Refused(Code.NOT_ALLOWED, "Only a verified token can sign in.")
        return await self.begin(
            work, SignedInAs.TOKEN, self.address, issuer=self.issuer, subject=self.name, scopes=self.scopes
        )


class SignOut(Command[Seen]):
    """End a session, or all of its address."""

    digest: str = Field(repr=False)
    everywhere: bool = False

    async def carry_out(self, work: Work) -> Seen:
        """Refuses nothing."""
        found = await work.unit.session(self.digest)
        if found and found.ended is None:
            await work.unit.save_session(found.model_copy(update={"ended": work.now}))
            if self.everywhere:
                await work.unit.end_sessions(found.address, work.now)
        return Seen()

    def subject(self) -> str:
        """What the record names it by, without secrets."""
        return "session"
