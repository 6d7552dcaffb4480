from hypothesis import given
from hypothesis import strategies as st

from diffkit.analysis import batches_by_length


@given(st.lists(st.integers(0, 9)), st.integers(1, 5))
def test_each_row_is_in_one_batch_and_shorter_rows_come_first(lengths, size):
    batches = batches_by_length(lengths, size)
    order = [index for batch in batches for index in batch]
    assert sorted(order) == list(range(len(lengths)))
    assert [(lengths[index], index) for index in order] == sorted(
        (length, index) for index, length in enumerate(lengths)
    )
    assert all(len(batch) == size for batch in batches[:-1])
    assert all(batches)
