"""Commands for what attendees, and their mail servers, send back."""
