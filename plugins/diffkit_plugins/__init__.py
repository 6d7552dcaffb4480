"""First-party diffing methods."""
