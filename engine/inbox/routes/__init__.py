"""What mail to each of our mailboxes does."""
