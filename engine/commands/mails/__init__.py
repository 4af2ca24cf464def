"""What becomes of mails that wait: first proofs, and the quarantine."""
