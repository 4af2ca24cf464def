"""What a shop's orders do, and the plans that they put organizers on."""
