from dataclasses import replace
from itertools import combinations

import pytest
import torch
from diffkit_plugins.steering_prefix.config import SearchOptions
from diffkit_plugins.steering_prefix.optimisers.registry import OPTIMISERS
from diffkit_plugins.steering_prefix.search import CandidatePool, ScoredPrefix, TokenSpace, results
from diffkit_plugins.steering_prefix.search.candidates import PoolCandidate
from diffkit_plugins.steering_prefix.search.local_search import LocalSearchState
from diffkit_plugins.steering_prefix.search.run import run_searches

from diffkit import Checkpoints, UserError

TARGET = " the cat sat"


@pytest.fixture
def run(distance_to, context):
    def make(objective=None, given=None, **options):
        objective = objective or distance_to(TARGET)
        chosen = SearchOptions(**{"length": 3, "budget": 400, "prune": False, **options})
        return run_searches(objective, TokenSpace.of(objective, chosen), chosen, given or context)

    return make


def test_the_best_restart_is_the_result(run):
    found = run(restarts=3)
    assert [one.restart for one in found.searches] == [0, 1, 2]
    assert found.best.total == min(one.total for one in found.searches)
    assert len({one.result.trace for one in found.searches}) == 3
    assert found.successive == (found.best,)
    assert found.compared == ()


def test_successive_prefixes_share_no_word(run, distance_to):
    objective = distance_to(TARGET)
    found = run(objective, successive=3)
    space = TokenSpace.of(objective, SearchOptions())
    assert [one.successive for one in found.successive] == [0, 1, 2]
    for one, other in combinations(found.successive, 2):
        banned = space.without(space.words_of(one.ids))
        assert bool(banned.accepts(torch.tensor([other.ids])))


def test_with_a_penalty_in_place_of_bans_earlier_words_are_penalised(run):
    found = run(successive=2, ban_weight=0.25)
    first, second = found.successive
    assert first.penalty == 0
    assert 0 < second.penalty <= 0.25


def test_so_light_a_penalty_bans_nothing(run):
    alike = run(successive=2, ban_weight=1e-6, budget=4_000).successive
    assert [one.text for one in alike] == [TARGET, TARGET]


def test_where_no_token_is_left_there_are_fewer_successive_prefixes(distance_to, context, caplog):
    objective = distance_to(" cat")
    options = SearchOptions(length=1, budget=60, successive=5)
    space = TokenSpace.of(objective, options)
    few = torch.zeros_like(space.allowed)
    few[objective.model.tokenizer(" cat dog", add_special_tokens=False).input_ids] = True
    found = run_searches(objective, replace(space, allowed=few), options, context)
    assert [one.text for one in found.successive] == [" cat", " dog"]
    assert "2 prefixes differ; no more" in caplog.text


def test_all_optimisers_are_compared_with_one_budget_each(run):
    found = run(compare=True)
    assert {one.optimiser for one in found.compared} == set(OPTIMISERS)
    assert found.compared[0] is found.searches[0]
    assert all(one.result.trace[-1].spent <= 400 for one in found.compared)
    soft = next(one for one in found.compared if one.optimiser == "soft-projection")
    assert [stage for stage, _ in soft.result.stages] == ["soft", "projected", "HotFlip"]


def test_the_text_is_what_the_ids_say(run, distance_to):
    objective = distance_to(TARGET)
    found = run(objective, budget=4_000).best
    assert found.text == TARGET
    assert found.loss == pytest.approx(0, abs=1e-6)


def test_pruning_stays_within_the_budget(run, closed_form):
    objective = closed_form(lambda here: here.square().sum(dim=(1, 2)))
    run(objective, prune=True)
    assert objective.readings <= 400


def test_an_unknown_optimiser_is_an_error(run):
    with pytest.raises(UserError, match="'adam'"):
        run(optimiser="adam")


class Stopped(Exception):
    pass


@pytest.fixture
def saves_each_step(monkeypatch):
    monkeypatch.setattr(results, "SAVE_INTERVAL", 0.0)


@pytest.mark.usefixtures("saves_each_step")
@pytest.mark.parametrize("name", OPTIMISERS)
@pytest.mark.parametrize("stop_at", [150, 700])
def test_an_interrupted_search_finds_the_same(name, stop_at, run, distance_to, context):
    options = {"optimiser": name, "restarts": 2, "budget": 500, "starts": 2, "patience": 2}
    whole = run(distance_to(TARGET), **options)
    given = replace(context, checkpoints=Checkpoints(context.checkpoints.folder / "again"))
    stops = distance_to(TARGET)
    losses = stops.losses

    def until(*arguments, **named):
        if stops.readings > stop_at:
            raise Stopped
        return losses(*arguments, **named)

    stops.losses = until
    with pytest.raises(Stopped):
        run(stops, given, **options)
    goes_on = distance_to(TARGET)
    again = run(goes_on, given, **options)
    for one, other in zip(whole.searches, again.searches, strict=True):
        assert (one.ids, one.result.trace, one.result.stages) == (
            other.ids,
            other.result.trace,
            other.result.stages,
        )
        assert one.result.soft is None or torch.equal(one.result.soft, other.result.soft)
        assert one.result.projected == other.result.projected
        assert one.result.soft_trace == other.result.soft_trace
    saved = stop_at if name in {"momentum", "gcg", "hotflip"} else stop_at // 500 * 500
    assert goes_on.readings <= 1_000 - saved + 60


def test_searches_of_one_run_go_by_their_names(distance_to, context):
    options = SearchOptions(length=1, budget=100)

    def one(target, name):
        objective = distance_to(target)
        space = TokenSpace.of(objective, options)
        return run_searches(objective, space, options, context, name=name)

    first, other = one(" cat", "first"), one(" dog", "other")
    assert first.best.result.trace != other.best.result.trace
    assert one(" dog", "first").best == first.best


def test_the_bar_is_filled_once_and_words_stand_beside_it(run, context):
    seen, words = [], []

    def progress(items, *, label, total=None, done=0):
        for item in items:
            seen.append((label, item))
            yield item

    run(given=replace(context, progress=progress, status=words.append))
    assert seen == [("prefix: momentum", percent) for percent in range(100)]
    assert words[-1].startswith("best ")
    assert words[-1].endswith(" squares")


def test_a_pool_that_lost_lanes_is_saved_as_the_size_it_began_with():
    candidates = [
        PoolCandidate(ScoredPrefix((n,), torch.tensor([float(n)]), 0.0), stale=n // 3)
        for n in range(4)
    ]
    pool = CandidatePool(candidates[3:], reserve=candidates[:3])
    pool.replace_stale(candidates[3], 1, lambda: candidates[0])
    state = LocalSearchState(
        pool, set(), torch.Generator().get_state(), 0, candidates[0].scored, []
    )
    again = LocalSearchState.read(state.checkpoint()).pool
    assert (len(again.active), len(again.reserve), again.size) == (1, 2, 4)
