"""Which addresses of the web the server may reach, and how it sends requests there."""
