from hypothesis import given
from hypothesis import strategies as st

from diffkit.analysis import batches_by_length, batches_of_texts
from diffkit.texts import Texts


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


@given(st.lists(st.integers(1, 99), min_size=1), st.integers(1, 8), st.floats(0, 0.5))
def test_at_most_the_given_share_of_a_batch_is_padding(lengths, size, padding):
    batches = batches_by_length(lengths, size, padding=padding)
    assert [i for batch in batches for i in batch] == [
        i for batch in batches_by_length(lengths, len(lengths)) for i in batch
    ]
    for batch in batches:
        whole = len(batch) * max(lengths[index] for index in batch)
        assert len(batch) <= size
        assert whole - sum(lengths[index] for index in batch) <= padding * whole + 1e-9


def test_texts_are_batched_by_their_tokens(tiny_model):
    texts = Texts.of("a " * 9, "w" * 40, "a a", "a " * 10, "a " * 30)
    lengths = [len(tiny_model.tokenizer(text.text).input_ids) for text in texts.items]
    batches = batches_of_texts(tiny_model, texts, 4, max_tokens=512)
    assert batches == batches_by_length(lengths, 4, padding=0.1)
