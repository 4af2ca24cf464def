"""What mails carry, read within limits that the system enforces."""
