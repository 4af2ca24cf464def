"""What processes need: how to start another of this program, and their limits."""
