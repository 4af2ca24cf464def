"""One mail at one mailbox: with its verdict, read once, and applied once."""
