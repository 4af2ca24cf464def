"""What agents may do: their keys with bounds, and what waits for somebody's approval."""
