"""Batches of rows that have similar lengths, so that little is padded."""

from collections.abc import Sequence


def batches_by_length(lengths: Sequence[int], size: int) -> list[list[int]]:
    """The indices of rows in batches, shorter rows first; of equal lengths, the earlier row first.

    Args:
        lengths: the length of each row.
        size: the number of rows of each batch but the last.
    """
    order = sorted(range(len(lengths)), key=lambda index: lengths[index])
    return [order[start : start + size] for start in range(0, len(order), size)]
