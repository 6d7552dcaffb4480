"""top-shift: the requirements of every method, and what it finds on a tiny pair."""

from diffkit import Spec


def test_it_conforms(conforms):
    found = conforms(Spec.of("diffkit_top_shift:TopShift"))
    assert 0 < found.change_score <= 1
