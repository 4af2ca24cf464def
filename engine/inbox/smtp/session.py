"""What each SMTP command does: mail is accepted durably, and only for our own mailboxes (RFC 5321)."""

from __future__ import annotations

import logging
from collections.abc import Callable

from engine.inbox.intake.router import READ_HERE
from engine.inbox.smtp.connection import Connection
from engine.inbox.smtp.data import TOO_LARGE, DataReader
from engine.inbox.smtp.listener_state import ListenerState
from engine.inbox.smtp.syntax import NotTaken, SmtpCommand, check_mail, command, helo, path
from engine.inbox.smtp.trace import received
from engine.inbox.spool.spool import OwnMailbox, ReceivedEnvelope, Spooled

log = logging.getLogger(__name__)

_NOBODY = "554 5.5.1 None of the recipients is here"
_HANDSHAKE_S = 20.0
_FOR_PEOPLE_MAX = 1_000_000
"""Bytes of a mail that only a person will read: postmaster@, abuse@, organizers of our own domain."""


class SmtpSession(Connection):
    """Answers the commands of one client."""

    def __init__(self, state: ListenerState) -> None:
        super().__init__(state)
        self._helo = ""
        self._protocol = "SMTP"
        self._forget()

    def _forget(self) -> None:
        self._sender: str | None = None
        self._declared = 0
        self._mailboxes: dict[OwnMailbox, None] = {}
        self._recipients = 0

    def command_came(self, line: bytes) -> None:
        try:
            self._do(command(line))
        except NotTaken as answer:
            self.refuse(str(answer))

    def _do(self, given: SmtpCommand) -> None:
        do = _VERBS.get(given.verb)
        if do is None:
            raise NotTaken("502 5.5.1 That command is not implemented")
        do(self, given.rest)

    def _ehlo(self, rest: str) -> None:
        self._helo = helo(rest)
        self._protocol = "ESMTPS" if self.secure else "ESMTP"
        self._forget()
        offers = [f"{self.state.domain} at your service", "PIPELINING", f"SIZE {self.state.largest}"]
        offers += ["8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES"]
        if self.state.tls and not self.secure:
            offers.append("STARTTLS")
        for offer in offers[:-1]:
            self.answer(f"250-{offer}")
        self.answer(f"250 {offers[-1]}")

    def _say_helo(self, rest: str) -> None:
        self._helo = helo(rest)
        self._protocol = "SMTP"
        self._forget()
        self.answer(f"250 {self.state.domain}")

    def _mail(self, rest: str) -> None:
        if not self._helo:
            raise NotTaken("503 5.5.1 Say EHLO first")
        if self._sender is not None:
            raise NotTaken("503 5.5.1 One MAIL at a time")
        sender = path(rest, "FROM")
        self._declared = check_mail(sender, self.state.largest)
        self._sender = sender.address
        self.answer("250 2.1.0 OK")

    def _rcpt(self, rest: str) -> None:
        if self._sender is None:
            raise NotTaken("503 5.5.1 Say MAIL first")
        recipient = path(rest, "TO")
        if recipient.parameters:
            raise NotTaken("555 5.5.4 RCPT takes no parameters here")
        if self._recipients >= self.state.bounds.recipients:
            self.answer("452 4.5.3 Too many recipients")
            return
        known = self.state.recipients.find_now(recipient.address)
        if known:
            self._accept(known)
        else:
            self.later(self._look_up(recipient.address))

    async def _look_up(self, address: str) -> None:
        found = await self.state.recipients.find(address)
        if found:
            self._accept(found)
        else:
            self.refuse("550 5.1.1 No such mailbox here")

    def _accept(self, mailbox: OwnMailbox) -> None:
        if self._declared > self._largest(mailbox):
            self.refuse(TOO_LARGE)
            return
        self._recipients += 1
        self._mailboxes[mailbox] = None
        self.answer("250 2.1.5 OK")

    def _largest(self, *mailboxes: OwnMailbox) -> int:
        """Bytes of a mail to these mailboxes: the least that one of them takes."""
        for mailbox in mailboxes:
            if mailbox.name not in READ_HERE:
                return min(self.state.largest, _FOR_PEOPLE_MAX)
        return self.state.largest

    def _data(self, rest: str) -> None:
        if rest:
            raise NotTaken("501 5.5.4 DATA takes nothing")
        if not self._mailboxes:
            raise NotTaken("503 5.5.1 Say MAIL and RCPT first" if self._sender is None else _NOBODY)
        self.reader = DataReader(self._largest(*self._mailboxes), self.state.memory)
        self.answer("354 End the mail with CR LF . CR LF")

    def mail_came(self, reader: DataReader) -> None:
        sender, mailboxes = self._sender, tuple(self._mailboxes)
        self._forget()
        if reader.refusal:
            reader.release()
            self.refuse(reader.refusal)
        else:
            self._errors = 0
            self.later(self._keep(reader, mailboxes, sender))

    async def _keep(self, reader: DataReader, mailboxes: tuple[OwnMailbox, ...], sender: str | None) -> None:
        """Store the mail; only then is the client told that it was taken (promise 1)."""
        state = self.state
        arrived = state.inbox.engine.clock()
        envelope = ReceivedEnvelope(
            id=state.inbox.spool.new_name(),
            mailboxes=mailboxes,
            sender=sender,
            client=self.peer,
            helo=self._helo,
            arrived=arrived,
        )
        trace = received(
            helo=self._helo,
            client=self.peer,
            domain=state.domain,
            protocol=self._protocol,
            name=envelope.id,
            at=arrived,
        )
        try:
            await state.inbox.receive(Spooled(envelope=envelope, raw=reader.content(trace)))
        except OSError as error:
            log.error("a mail could not be stored: %s", error.strerror)  # noqa: TRY400 -- a full disk is no bug
            self.answer("452 4.3.1 Cannot store the mail now, try again later")
        else:
            self.answer(f"250 2.0.0 OK {envelope.id}")
        finally:
            reader.release()

    def _rset(self, rest: str) -> None:
        self._forget()
        self.answer("250 2.0.0 OK")

    def _noop(self, rest: str) -> None:
        self.answer("250 2.0.0 OK")

    def _vrfy(self, rest: str) -> None:
        self.answer("252 2.5.0 Send the mail, and you will see")

    def _help(self, rest: str) -> None:
        self.answer("214 2.0.0 This server takes answers to invitations and calendars; see RFC 5321")

    def _quit(self, rest: str) -> None:
        self.hang_up("221 2.0.0 Bye")

    def _starttls(self, rest: str) -> None:
        if not self.state.tls or self.secure:
            raise NotTaken("502 5.5.1 STARTTLS is not offered")
        if self.buffer:
            # Said in the clear and meant to be heard under TLS: someone in between adds commands (CVE-2011-0411).
            self.hang_up("554 5.5.1 Nothing may follow STARTTLS")
            return
        self.pause()
        self.answer("220 2.0.0 Begin")
        self.later(self._secure())

    async def _secure(self) -> None:
        try:
            await self.start_tls(_HANDSHAKE_S)
        except OSError as error:
            log.info("a client could not agree on TLS: %s", type(error).__name__)
            return
        self._helo = ""
        self._forget()


_VERBS: dict[str, Callable[[SmtpSession, str], None]] = {
    "EHLO": SmtpSession._ehlo,
    "HELO": SmtpSession._say_helo,
    "MAIL": SmtpSession._mail,
    "RCPT": SmtpSession._rcpt,
    "DATA": SmtpSession._data,
    "RSET": SmtpSession._rset,
    "NOOP": SmtpSession._noop,
    "VRFY": SmtpSession._vrfy,
    "HELP": SmtpSession._help,
    "QUIT": SmtpSession._quit,
    "STARTTLS": SmtpSession._starttls,
}
