"""Usage of language models, added up."""

from diffkit import Usage
from diffkit.evaluation import sum_usage


def usage(cost, **more):
    return Usage(model="m", calls=2, prompt_tokens=3, completion_tokens=4, cost=cost, **more)


def test_roles_are_added_apart():
    found = sum_usage(
        [
            {"grader": usage(0.5, served=("m-1",), remembered=1)},
            {},
            {"grader": usage(0.25, served=("m-2", "m-1")), "investigator": usage(1.0)},
        ]
    )
    assert set(found) == {"grader", "investigator"}
    grader = found["grader"]
    assert (grader.calls, grader.prompt_tokens, grader.completion_tokens) == (4, 6, 8)
    assert (grader.remembered, grader.cost, grader.served) == (1, 0.75, ("m-1", "m-2"))


def test_an_unknown_price_makes_the_sum_unknown_and_never_zero():
    assert sum_usage([{"grader": usage(0.5)}, {"grader": usage(None)}])["grader"].cost is None
    assert not sum_usage([])
