"""What agents may do, and what waits for somebody's approval."""
