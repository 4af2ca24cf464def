"""The rule language: expressions and templates in Jinja2's syntax over one payload, bounded; pure."""
