"""Builds one HTML document from a page's parts, which loads nothing and whose policy lets nothing else run."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from html import escape
from pathlib import Path

from cis_mcp.views.version import version

_HERE = Path(__file__).parent
_IMPORT = re.compile(r'^import (\{[^}]*\}) from "\./(\w+)\.js";$', re.MULTILINE)
_EXPORT = re.compile(r"^export ((?:async )?function|class|const) (\w+)", re.MULTILINE)

_DOCUMENT = """\
<!doctype html>
<html lang="en" data-version="{version}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
{body}<script type="module">{script}</script>
</body>
</html>
"""


@cache
def document(name: str, title: str) -> str:
    """The page `name` as one document: its style, its body, and its script with all imports."""
    style = _text("base.css") + _text(f"{name}.css")
    code = script(name)
    return _DOCUMENT.format(
        version=escape(version()),
        policy=_policy(style, code),
        title=escape(title),
        style=style,
        body=_text(f"{name}.html"),
        script=code,
    )


def script(name: str) -> str:
    """The module `name` and its imports before it as one script, each in its own scope."""
    modules: dict[str, str] = {}
    _collect(name, modules)
    main = modules.pop(name)
    return "\n".join([*(_scoped(one, source) for one, source in modules.items()), _linked(main)])


def _collect(name: str, modules: dict[str, str]) -> None:
    """Add `name` to `modules`, after its imports."""
    source = _text(f"{name}.js")
    for _, imported in _IMPORT.findall(source):
        if imported not in modules:
            _collect(imported, modules)
    modules[name] = source


def _scoped(name: str, source: str) -> str:
    names = ", ".join(exported for _, exported in _EXPORT.findall(source))
    return f"const ${name} = (() => {{\n{_linked(source)}return {{ {names} }};\n}})();"


def _linked(source: str) -> str:
    """`source` with its imports replaced by references to the scopes above it."""
    return _EXPORT.sub(r"\1 \2", _IMPORT.sub(r"const \1 = $\2;", source))


def _policy(style: str, code: str) -> str:
    """A content security policy that allows only this style and this script."""
    return (
        f"default-src 'none'; script-src '{_hash(code)}'; style-src '{_hash(style)}'; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _text(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")
