"""Numbers of things, in words."""

_MANY = {"suffix": "suffixes", "pair": "pairs", "random prefix": "random prefixes"}


def counted(count: int, thing: str) -> str:
    """``1 suffix``, ``2 suffixes``."""
    return f"{count} {thing if count == 1 else _MANY[thing]}"
