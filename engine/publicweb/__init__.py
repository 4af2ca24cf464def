"""What of the web the server may reach, and how it asks there."""
