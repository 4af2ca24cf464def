"""What waits for a yes: what may wait, its preview, the decision, and taking back what was done."""
