import beartype  # noqa: F401
