"""Writes the catalogs anew from what the code says: new messages come empty, those that nothing says go.

`python -m tests.locale.catalogs` (make messages); then translate what is empty.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence, Set

from engine.mail.locale import catalog
from engine.mail.locale.language import SOURCE, TAGS
from tests.locale.extraction import DOMAINS, Said, messages

_PLURALS = {
    "fr": "nplurals=2; plural=(n > 1);",
    "pt-BR": "nplurals=2; plural=(n > 1);",
    "ja": "nplurals=1; plural=0;",
    "ar": "nplurals=6; plural=(n==0 ? 0 : n==1 ? 1 : n==2 ? 2 : n%100>=3 && n%100<=10 ? 3 : n%100>=11 ? 4 : 5);",
}
_USUAL = "nplurals=2; plural=(n != 1);"


def header(tag: str) -> str:
    """What stands first in a new catalog."""
    return (
        f"Content-Type: text/plain; charset=UTF-8\nContent-Transfer-Encoding: 8bit\nLanguage: {tag}\n"
        f"Plural-Forms: {_PLURALS.get(tag, _USUAL)}\n"
    )


def written(head: str, said: Set[Said], known: Mapping[Said, Sequence[str]]) -> str:
    """A PO file with these messages in order, translated as far as they are known."""
    count = int(head.partition("nplurals=")[2].partition(";")[0])
    blocks = [f'msgid ""\nmsgstr {_quoted(head)}']
    for one in sorted(said):
        texts = known.get(one) or ("",) * (count if one.plural else 1)
        lines = [f"msgctxt {_quoted(one.context)}"] if one.context else []
        lines.append(f"msgid {_quoted(one.message)}")
        if one.plural:
            lines.append(f"msgid_plural {_quoted(one.plural)}")
            lines += [f"msgstr[{n}] {_quoted(text)}" for n, text in enumerate(texts)]
        else:
            lines.append(f"msgstr {_quoted(texts[0])}")
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks) + "\n"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def main() -> None:
    """Bring all catalogs up to date, and tell what is to be translated."""
    for package, folder in DOMAINS.items():
        said = messages(package)
        for tag in TAGS:
            if tag != SOURCE:
                path = folder / f"{tag}.po"
                old = catalog.entries(path.read_text(encoding="utf-8")) if path.exists() else []
                known = {Said(e.message, e.context, e.plural): e.texts for e in old if e.translated}
                head = known.pop(Said(""), (header(tag),))[0]
                path.write_text(written(head, said, known), encoding="utf-8")
                print(f"{path.name} of {package}: {len(said - known.keys())} to translate of {len(said)}")


if __name__ == "__main__":
    main()
