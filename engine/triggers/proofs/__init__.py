"""How each sender proves what it posts: one module a sender, pure functions over the request as it came."""
