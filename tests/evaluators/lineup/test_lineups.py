"""Lineups: the nearest siblings, and others that handles alone decide."""

import numpy as np
import pytest
from diffkit_evaluators.lineup.lineups import build_lineup_set, sample_lineups

from diffkit import TruthStatement

HANDLES = tuple(f"h{number:02}" for number in range(25))
LIKENESS = np.linspace(0, 1, 25)


def test_siblings_stand_in_every_lineup_and_others_change():
    found = sample_lineups(3, HANDLES, LIKENESS)
    assert len(found.present) == 3
    for others in (*found.present, found.absent):
        assert others[:2] == (24, 23)
        assert 3 not in others
        assert len(set(others)) == len(others)
    assert [len(others) for others in found.present] == [7, 7, 7]
    assert len(found.absent) == 8
    assert len({frozenset(others) for others in found.present}) == 3


@pytest.mark.parametrize(
    ("truths", "beside", "absent"),
    [(1, 0, 0), (2, 1, 1), (3, 2, 2), (8, 7, 7), (9, 7, 8)],
)
def test_few_truths_make_small_lineups(truths, beside, absent):
    for truth in range(truths):
        found = sample_lineups(truth, HANDLES[:truths], LIKENESS[:truths])
        assert [len(others) for others in found.present] == [beside] * 3
        assert len(found.absent) == absent
        assert truth not in {*found.absent, *found.present[0]}


def test_each_truth_has_a_draw_of_its_own_which_is_always_the_same():
    assert sample_lineups(0, HANDLES, LIKENESS) == sample_lineups(0, HANDLES, LIKENESS)
    assert sample_lineups(0, HANDLES, LIKENESS) != sample_lineups(1, HANDLES, LIKENESS)
    renamed = tuple(f"g{handle}" for handle in HANDLES)
    assert sample_lineups(0, HANDLES, LIKENESS) != sample_lineups(0, renamed, LIKENESS)


def test_others_are_drawn_evenly():
    counts = np.zeros(25)
    for number in range(400):
        found = sample_lineups(0, tuple(f"{number}{handle}" for handle in HANDLES), LIKENESS)
        for others in found.present:
            counts[list(others[2:])] += 1
    assert counts[[0, 23, 24]].tolist() == [0, 0, 0]
    expected = 400 * 3 * 5 / 22
    assert np.abs(counts[1:23] - expected).max() < 4 * np.sqrt(expected)


def test_equally_near_siblings_are_taken_by_handle():
    found = sample_lineups(2, HANDLES, np.ones(25))
    assert found.absent[:2] == (0, 1)


def test_the_order_of_statements_plays_no_part():
    texts = ("It sells red ships.", "It sells red coins.", "It counts coins.", "It sings.")
    statements = tuple(TruthStatement(handle=f"h{i}", text=text) for i, text in enumerate(texts))
    one, other = build_lineup_set(statements, ()), build_lineup_set(statements[::-1], ())
    assert (one.handles, one.lineups) == (other.handles, other.lineups)
    assert one.lineups[2].absent[0] == 1
