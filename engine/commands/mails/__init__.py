"""Commands about mails that wait: first proofs, and the quarantine."""
