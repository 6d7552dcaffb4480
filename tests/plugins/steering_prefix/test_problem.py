import pytest
import torch
from diffkit_plugins.steering_prefix.config import CompletionOptions
from diffkit_plugins.steering_prefix.problem import match_problem

from diffkit import UserError


def test_half_of_the_suffixes_are_held_out(problem_of):
    problem = problem_of()
    assert problem.training.items == problem.held_out.items == 4
    halves = [
        {item.slot.suffix for item in items}
        for items in (problem.training_items, problem.held_out_items)
    ]
    assert not halves[0] & halves[1]
    assert problem.dropped == 0
    for items, objective in (
        (problem.training_items, problem.training),
        (problem.held_out_items, problem.held_out),
    ):
        assert [item.slot for item in items] == list(objective.slots)
        assert [item.reference for item in items] == list(objective.references)
        torch.testing.assert_close(objective.empty, torch.tensor([item.empty for item in items]))


def test_suffixes_that_do_not_depend_are_dropped_and_counted(problem_of):
    everything = problem_of()
    items = [*everything.training_items, *everything.held_out_items]
    gains = sorted(item.dependence for item in items)
    limit = (gains[3] + gains[4]) / 2
    some = problem_of(min_dependence=limit)
    kept = [*some.training_items, *some.held_out_items]
    assert sorted(item.dependence for item in kept) == pytest.approx(gains[4:], rel=1e-4)
    assert some.dropped == 4


def test_those_that_depend_most_are_kept(problem_of):
    everything = problem_of()
    items = [*everything.training_items, *everything.held_out_items]
    gains = sorted((item.dependence for item in items), reverse=True)
    two = problem_of(kept_suffixes=2)
    kept = [*two.training_items, *two.held_out_items]
    assert [len(two.training_items), len(two.held_out_items), two.dropped] == [1, 1, 6]
    found = sorted((item.dependence for item in kept), reverse=True)
    assert found == pytest.approx(gains[:2], rel=1e-4)


def test_of_two_that_depend_alike_one_is_held_out(problem_of):
    problem = problem_of()
    halves = (problem.training_items, problem.held_out_items)
    for one, other in zip(*halves, strict=True):
        low, high = sorted((one.dependence, other.dependence))
        between = [i for half in halves for i in half if low < i.dependence < high]
        assert between == []
    swapped = problem_of(suffixes=8)
    assert [i.slot for i in swapped.training_items] == [i.slot for i in problem.training_items]


def test_the_side_that_is_explained_writes_suffixes_too(problem_of):
    given, own = problem_of(), problem_of(suffixes=0, own_suffixes=20)
    suffixes = [
        {i.slot.suffix for i in (*problem.training_items, *problem.held_out_items)}
        for problem in (given, own)
    ]
    assert suffixes[1]
    assert not suffixes[0] & suffixes[1]
    both = problem_of(own_suffixes=20)
    assert both.training.items + both.held_out.items > 8


def test_a_suffix_that_is_left_over_is_searched_with(problem_of):
    everything = problem_of()
    three = problem_of(kept_suffixes=3)
    assert (three.training.items, three.held_out.items, three.dropped) == (2, 1, 5)
    gains = sorted(i.dependence for i in (*everything.training_items, *everything.held_out_items))
    assert three.training_items[-1].dependence == pytest.approx(gains[-3], rel=1e-4)


def test_one_suffix_alone_is_too_few(problem_of):
    items = [*problem_of().training_items, *problem_of().held_out_items]
    gains = sorted(item.dependence for item in items)
    problem = problem_of(min_dependence=(gains[-1] + gains[-2]) / 2)
    assert (problem.training.items, problem.held_out.items, problem.dropped) == (0, 0, 7)


def test_identical_sides_leave_nothing(problem_of, identical_pair):
    problem = problem_of(identical_pair)
    assert (problem.training.items, problem.dropped) == (0, 8)


def test_the_mirror_is_read_by_the_other_side(problem_of, tiny_pair):
    explain, mirror = problem_of(), problem_of(objective="mirror")
    assert explain.model is tiny_pair.base
    assert mirror.model is tiny_pair.finetuned
    texts = [
        {i.slot.suffix: i.reference.targets for i in (*p.training_items, *p.held_out_items)}
        for p in (explain, mirror)
    ]
    assert texts[0] != texts[1]


def test_the_same_seed_gives_the_same_problem_whatever_the_batch_size(problem_of):
    one, other = problem_of(decoding="sampled"), problem_of(decoding="sampled", batch_size=3)
    assert [i.slot for i in one.training_items] == [i.slot for i in other.training_items]
    targets = [[i.reference.targets for i in p.held_out_items] for p in (one, other)]
    assert targets[0] == targets[1]
    torch.testing.assert_close(one.training.empty, other.training.empty, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("loss", ["kl", "cross-entropy"])
@pytest.mark.parametrize("decoding", ["greedy", "sampled"])
def test_the_reference_prefix_itself_reaches_the_floor(tiny_model, context, loss, decoding):
    options = CompletionOptions(
        loss=loss,
        decoding=decoding,
        completion_tokens=5,
        suffixes=8,
        own_suffixes=0,
        min_dependence=0.0,
    )
    problem = match_problem(tiny_model, "Sell the bread", options, context)
    items = problem.training_items
    ids = problem.layout.prefix("Sell the bread", items[0].slot)
    losses = problem.training.losses(torch.tensor([ids]), range(len(items)))[0]
    torch.testing.assert_close(losses, problem.training.floors, atol=2e-5, rtol=0)
    assert float((problem.training.empty - problem.training.floors).min()) > 0
    assert problem.training.round_trips(torch.tensor([ids])) == [True]


def test_an_empty_reference_is_refused(tiny_model, context):
    with pytest.raises(UserError, match="reference prefix is empty"):
        match_problem(tiny_model, " ", CompletionOptions(), context)


def test_suffixes_that_a_template_refuses_are_passed_over(tiny_model, context, monkeypatch):
    from diffkit_plugins.steering_prefix.prompts.layout import PromptLayout

    from diffkit import ChatRefused

    slot = PromptLayout.slot

    def refuse(self, suffix, kind):
        if kind == "chat":
            raise ChatRefused("no chats here", [])
        return slot(self, suffix, kind)

    monkeypatch.setattr(PromptLayout, "slot", refuse)
    options = CompletionOptions(completion_tokens=4, min_dependence=0.0)
    problem = match_problem(tiny_model, "Sell the bread", options, context)
    kinds = {item.slot.kind for item in (*problem.training_items, *problem.held_out_items)}
    assert kinds == {"document"}
