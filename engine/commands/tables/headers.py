"""What the columns of a list of people hold, by the names that mail tools, calendars and address books give them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


def plain(cell: str) -> str:
    """The letters and digits of a column's name: in lower case, without accents, signs and invisible characters."""
    decomposed = unicodedata.normalize("NFKD", cell.casefold())
    return "".join(c for c in decomposed if c.isalnum())


def _names(words: str) -> tuple[str, ...]:
    return tuple(plain(word) for word in words.split())


_UID = _names("uid eventuid eventid")
_EMAIL = _names(
    "email emailaddress mail mailaddress attendeeemail guestemail recipientemail subscriberemail contactemail "
    "emailadresse mailadresse adresseemail adressemail adresseelectronique courriel correo correoelectronico "
    "indirizzoemail postaelettronica emailadres epost epostadress "
    "primaryemail emailprimary primaryemailaddress email1 email1value email1address emailaddress1 emailvalue "
    "workemail emailwork businessemail homeemail emailhome personalemail email2 email2value email2address "
    "secondaryemail emailaddress2 email3 email3value email3address "
    "correioeletronico endereçodeemail adresemail sähköposti eposta "
    "электроннаяпочта почта 邮箱 电子邮件 電子郵件 メールアドレス メール eメール eメールアドレス 電子メール 이메일"
)
"""The first of them that has something in a row is that row's address."""
_FULL = _names(
    "name fullname displayname contactname attendeename guestname recipientname subscribername nomcomplet "
    "vollständigername anzeigename nombrecompleto nomecompleto 姓名 名前 氏名"
)
_FIRST = _names(
    "firstname first fname givenname given forename vorname prénom nombre nome primeironome voornaam förnamn fornavn "
    "fornavne etunimi imię jméno имя 名"
)
_MIDDLE = _names("middlename additionalname")
_LAST = _names(
    "lastname last lname surname familyname nachname familienname nomdefamille apellido apellidos cognome achternaam "
    "efternamn etternavn sobrenome apelido sukunimi nazwisko příjmení фамилия 姓"
)
_EITHER = _names("name nom")
"""The whole name, or, beside a first name, the last one."""
_SHOWN = _names("emaildisplayname email1displayname")
NO_VALUES = frozenset({"null", "NULL", "None", "none", "undefined"})
"""What programs write into a cell that is empty; a person may be called Null."""
_IN_BRACKETS = re.compile(r"(?:(?<!\s)\s++)?[(<\[][^()<>\[\]@]*+@[^()<>\[\]]*+[)>\]]\s*+")
_ENDINGS = ("email", "emailaddress", "emailadresse")


@dataclass(frozen=True)
class Columns:
    """Which cells of a row hold what, by their places; `fields` are all that may stand in a text, by name."""

    email: tuple[int, ...]
    uid: int | None = None
    full: int | None = None
    first: int | None = None
    middle: int | None = None
    last: int | None = None
    shown: int | None = None
    fields: Mapping[int, str] = field(default_factory=dict)

    @property
    def parts(self) -> bool:
        """True if names stand in several columns, such as first and last name."""
        return self.first is not None or self.last is not None or self.shown is not None

    @property
    def only_named(self) -> bool:
        """True if a row holds one address, one name and nothing else."""
        return (
            len(self.email) == 1
            and self.full is not None
            and not (self.parts or self.fields)
            and self.uid is None
        )

    def name(self, cells: Sequence[str]) -> str:
        """The person's name: as one cell has it, else put together from its parts."""
        full = _cell(cells, self.full)
        if not self.parts:
            return full
        first, last = _cell(cells, self.first), _cell(cells, self.last)
        if full and (self.last is not None or first.casefold() in full.casefold()):
            return full
        parts = [first, _cell(cells, self.middle), last or full]
        return " ".join(filter(None, parts)) or _IN_BRACKETS.sub("", _cell(cells, self.shown))


def _cell(cells: Sequence[str], place: int | None) -> str:
    found = cells[place].strip() if place is not None and place < len(cells) else ""
    return "" if found in NO_VALUES else found


def read(header: Sequence[str]) -> Columns | None:
    """What each column holds; None if no column holds addresses."""
    known = [plain(cell) for cell in header]
    email = _email(known)
    if not email:
        return None
    places = {
        "uid": _place(known, _UID),
        "full": _place(known, _FULL),
        "first": _place(known, _FIRST),
        "middle": _place(known, _MIDDLE),
        "last": _place(known, _LAST),
        "shown": _place(known, _SHOWN),
    }
    if places["full"] is None:
        places["full"] = _place(known, _EITHER)
    own = {email[0], places["uid"], places["full"]}
    return Columns(email=email, fields=_fields(header, own, email), **places)


def _email(known: Sequence[str]) -> tuple[int, ...]:
    exact = [place for name in _EMAIL if (place := _place(known, (name,))) is not None]
    if exact or len(known) == 1:
        return tuple(exact)
    return tuple(n for n, name in enumerate(known) if name.endswith(_ENDINGS))


def _place(known: Sequence[str], names: Sequence[str]) -> int | None:
    """Where the first of `names` stands that is there."""
    return next((known.index(name) for name in names if name in known), None)


def _fields(header: Sequence[str], own: set[int | None], email: tuple[int, ...]) -> dict[int, str]:
    """The other columns, in lower case; of two with one name the first counts."""
    seen = {"uid", "email", "name"}
    found: dict[int, str] = {}
    for place, cell in enumerate(header):
        name = " ".join(cell.lower().split())
        if (
            place not in own
            and name
            and name not in seen
            and not (place in email and plain(cell) in _EMAIL[:2])
        ):
            seen.add(name)
            found[place] = name
    return found
