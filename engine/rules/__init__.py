"""The rule language: bounded expressions and templates in Jinja2's syntax over one payload, without I/O."""
