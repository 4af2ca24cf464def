"""The demo: a story over real MCP and SMTP, told on this machine."""
