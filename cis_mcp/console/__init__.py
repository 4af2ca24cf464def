"""The console: the web interface of operators and organizers, rendered by the server, complete without scripts."""
