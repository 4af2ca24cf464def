"""What runs in one process, and how it stops."""
