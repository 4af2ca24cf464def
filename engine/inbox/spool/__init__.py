"""Raw mail on disk."""
