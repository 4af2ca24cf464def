"""What systems of record post: its proof, its rules, and the worker that carries it out."""
