"""What an operator watches: health, metrics, status, progress."""
