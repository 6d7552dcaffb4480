import math

import pytest

from diffkit.analysis import warmup_cosine


def shares(steps, warmup):
    return [warmup_cosine(step, steps, warmup) for step in range(steps)]


def test_it_rises_linearly_and_falls_as_a_cosine():
    found = shares(10, 0.4)
    assert found[:5] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
    assert found[4:] == pytest.approx([0.5 + 0.5 * math.cos(math.pi * k / 6) for k in range(6)])


def test_without_a_warmup_it_begins_at_the_peak():
    assert shares(4, 0.0)[0] == 1.0


def test_one_step_is_taken_at_the_peak():
    assert shares(1, 0.9) == [1.0]
