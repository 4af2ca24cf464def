"""The one-click bundle: its manifest, what starts it, and how it is built."""
