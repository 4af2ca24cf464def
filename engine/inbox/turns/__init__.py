"""Whose turn it is: by whom a mail claims to be sent, fair queues and slots."""
