"""What keys may do, and that it holds."""
