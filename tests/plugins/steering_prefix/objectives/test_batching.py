import pytest
import torch
from diffkit_plugins.steering_prefix.objectives.batching import TokenRow, row_logits

from diffkit import Inputs


def row(number, ids, begins=(), kept=1):
    return TokenRow(number, number % 3, tuple(ids), begins, kept)


def check(model, rows, batch_size):
    """Reads rows, holds each against the same row alone, and gives the sizes of the batches."""
    sizes, seen = [], []
    for read in row_logits(model, rows, batch_size):
        sizes.append(len(read.rows))
        for one, logits in zip(read.rows, read.logits, strict=True):
            alone = model.logits(Inputs.of([one.ids]), keep=one.kept)[0]
            torch.testing.assert_close(logits[-one.kept :], alone, atol=2e-5, rtol=1e-4)
            seen.append(one.prefix)
    assert sorted(seen) == [one.prefix for one in rows]
    return sizes


@pytest.mark.parametrize("batch_size", [2, 50])
def test_each_row_gets_its_own_logits(tiny_model, batch_size):
    begins = tuple(range(40, 60))
    rows = [
        row(i, [*begins, 100 + i, 7, 8][: 22 + i % 2], begins, kept=1 + i % 2) for i in range(9)
    ]
    rows += [row(9, [5, 6], (), kept=2), row(10, begins[:4], begins, kept=2)]
    assert max(check(tiny_model, rows, batch_size)) <= batch_size


def test_rows_of_other_lengths_are_read_apart_where_padding_would_cost_more(tiny_model):
    short = [row(i, [40 + i, 50]) for i in range(20)]
    assert check(tiny_model, [*short, row(20, [40, 50, 60])], 50) == [21]
    assert check(tiny_model, [*short, row(20, range(40, 60))], 50) == [20, 1]


def test_a_row_shares_no_position_that_is_predicted_from():
    begins = (1, 2, 3, 4)
    assert row(0, begins, begins, kept=2).shared == 2
    assert row(0, (1, 9, 3, 4, 5), begins).shared == 1
    assert row(0, (1, 2, 3, 4, 5), begins).shared == 4
    assert row(0, (5,), ()).shared == 0


def test_rows_that_leave_the_beginning_elsewhere_are_read_apart_where_that_saves_time(tiny_model):
    begins = tuple(range(40, 60))
    early = [row(i, [100 + i, *begins[1:], 7], begins) for i in range(20)]
    late = [row(20 + i, [*begins, 100 + i], begins) for i in range(20)]
    assert sorted(check(tiny_model, [*early, *late], 50)) == [14, 26]
