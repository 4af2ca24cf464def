"""How each sender proves its requests: one module per sender, with pure functions over the original request."""
