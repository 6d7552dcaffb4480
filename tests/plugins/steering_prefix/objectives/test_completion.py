import math

import pytest
import torch
from diffkit_plugins.steering_prefix.objectives import batching, completion

from diffkit import Inputs

PREFIXES = torch.tensor([[40, 50, 60], [40, 51, 60], [70, 80, 90], [40, 50, 61]])


def naive_loss(problem, slot, reference, prefix, options):
    """One whole row at a time through `Model.logits`, in float64 and Python."""
    row = [*slot.prompt(prefix), *reference.targets]
    logits = problem.model.logits(Inputs.of([row[:-1]]))[0, -len(reference.targets) :]
    log_q = logits[:, : problem.vocabulary].double().log_softmax(-1)
    total, weight = 0.0, 0.0
    for i, target in enumerate(reference.targets):
        w = options.get("early_weight", 3.0) if i < options.get("early_tokens", 32) else 1.0
        if options.get("loss") == "cross-entropy":
            value = -float(log_q[i, target])
        else:
            q = [float(log_q[i, token].exp()) for token in reference.top[i]]
            p = [math.exp(value) for value in reference.log_top[i].tolist()]
            p_rest, q_rest = 1 - sum(p), 1 - sum(q)
            value = sum(a * math.log(a / b) for a, b in zip(p, q, strict=True))
            value += p_rest * math.log(p_rest / q_rest) if p_rest > 1e-6 else 0.0
        total, weight = total + w * value, weight + w
    return total / weight


def naive(problem, prefixes, options):
    objective = problem.training
    return torch.tensor(
        [
            [
                naive_loss(problem, slot, reference, prefix, options)
                for slot, reference in zip(objective.slots, objective.references, strict=True)
            ]
            for prefix in prefixes.tolist()
        ]
    )


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"reference_top": 7, "early_tokens": 2},
        {"loss": "cross-entropy", "early_tokens": 1, "early_weight": 2.0},
        {"objective": "mirror"},
    ],
)
def test_losses_are_those_of_whole_rows_one_at_a_time(problem_of, options):
    problem = problem_of(**options)
    items = range(problem.training.items)
    found = problem.training.losses(PREFIXES, items)
    torch.testing.assert_close(found, naive(problem, PREFIXES, options), atol=1e-5, rtol=1e-4)
    empty = torch.zeros(1, 0, dtype=torch.long)
    expected = naive(problem, empty, options)[0]
    torch.testing.assert_close(problem.training.empty, expected, atol=1e-5, rtol=1e-4)
    recorded = torch.tensor([item.empty for item in problem.training_items])
    torch.testing.assert_close(recorded, expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("held", [1, 3 * 340 * 12])
def test_losses_are_the_same_however_few_rows_are_held(problem_of, monkeypatch, held):
    training = problem_of().training
    whole = training.losses(PREFIXES, range(training.items))
    monkeypatch.setattr(completion, "_HELD", held)
    assert training.losses(PREFIXES, range(training.items)).equal(whole)


@pytest.mark.parametrize("parent", [[40, 50, 60], [40, 50], [40, 50, 60, 70], [1, 2, 3]])
@pytest.mark.parametrize("batch_size", [3, 128])
@pytest.mark.parametrize("costs", [0, 10**6])
def test_what_prefixes_share_changes_no_loss(problem_of, monkeypatch, parent, batch_size, costs):
    monkeypatch.setattr(batching, "_PASS_COST", costs)
    training = problem_of(batch_size=batch_size).training
    items = [2, 0, 3]
    plain = training.losses(PREFIXES, items)
    cached = training.losses(PREFIXES, items, parent=torch.tensor(parent))
    torch.testing.assert_close(cached, plain, atol=2e-6, rtol=1e-5)
    assert plain.shape == (4, 3)


def test_a_shared_beginning_is_read_once_where_that_saves_time(problem_of, monkeypatch):
    training = problem_of().training
    prefixes = []
    read = type(training.model).prefix_cache

    def counted(self, ids):
        prefixes.append(ids.tolist())
        return read(self, ids)

    monkeypatch.setattr(type(training.model), "prefix_cache", counted)
    parent = torch.arange(40, 60)
    tried = parent.repeat(40, 1)
    tried[:, -1] = torch.arange(100, 140)
    training.losses(tried[:2], range(4), parent=parent)
    assert prefixes == []
    training.losses(tried, range(4), parent=parent)
    befores = {slot.before for slot in training.slots}
    assert sorted(prefixes) == sorted([[*before, *parent.tolist()] for before in befores])


def test_the_gradient_is_the_losses_own(problem_of):
    for options in ({}, {"loss": "cross-entropy"}, {"batch_size": 1}):
        training = problem_of(**options).training
        items = [0, 1, 3]
        embeddings = training.model.embed(PREFIXES[:1])[0]
        found = training.gradient(embeddings, items)
        mean = training.losses(PREFIXES[:1], items).mean()
        assert found.loss == pytest.approx(float(mean), rel=1e-5)
        direction = torch.randn(embeddings.shape, generator=torch.Generator().manual_seed(0))
        step = 1e-2 * direction / direction.norm()
        up, down = (training.gradient(embeddings + s * step, items).loss for s in (1, -1))
        along = float((found.gradient * 2 * step).sum())
        assert up - down == pytest.approx(along, rel=0.05, abs=1e-5)


def test_the_gradient_at_one_hot_vectors_is_the_same(problem_of):
    """d loss / d one-hot = gradient · embeddingᵀ, which is what candidates are drawn from."""
    training = problem_of().training
    table = training.model.embed(torch.arange(training.model.vocabulary)[None])[0]
    one_hot = torch.nn.functional.one_hot(PREFIXES[0], len(table)).float()
    found = training.gradient(one_hot @ table, [0, 1])
    token = 99
    moved = torch.zeros_like(one_hot)
    moved[1] = 1e-2 * (torch.nn.functional.one_hot(torch.tensor(token), len(table)) - one_hot[1])
    ups = [training.gradient((one_hot + s * moved) @ table, [0, 1]).loss for s in (1, -1)]
    along = float(found.gradient[1] @ (moved[1] @ table))
    assert (ups[0] - ups[1]) / 2 == pytest.approx(along, rel=0.05, abs=1e-5)


def test_gradients_of_checkpointed_blocks_are_the_same(problem_of):
    training = problem_of(objective="mirror").training
    embeddings = training.model.embed(PREFIXES[:1])[0]
    plain = training.gradient(embeddings, [0, 1])
    training.model.network.checkpointing(True)
    try:
        again = training.gradient(embeddings, [0, 1])
    finally:
        training.model.network.checkpointing(False)
    torch.testing.assert_close(again.gradient, plain.gradient, atol=1e-6, rtol=1e-5)
    assert plain.gradient.abs().max() > 1e-4


def test_floors_are_what_the_reference_itself_loses(problem_of):
    assert problem_of().training.floors.tolist() == [0.0] * 4
    problem = problem_of(loss="cross-entropy")
    for item, floor in zip(problem.training_items, problem.training.floors.tolist(), strict=True):
        nll = -item.reference.log_targets
        assert floor == item.floor == pytest.approx(float(nll.mean()), rel=1e-5)


def test_a_finetuned_side_that_reads_its_own_reference_loses_nothing(problem_of, tiny_pair):
    from diffkit_plugins.steering_prefix.config import SteeringPrefixConfig
    from diffkit_plugins.steering_prefix.objectives.completion import CompletionObjective

    problem = problem_of(min_dependence=0.0)
    own = CompletionObjective(
        tiny_pair.finetuned,
        problem.layout,
        problem.training.slots,
        problem.training.references,
        vocabulary=problem.vocabulary,
        options=SteeringPrefixConfig(),
    )
    assert float(own.empty.abs().max()) < 1e-5
    assert float(problem.training.empty.min()) > 0.0


def test_no_items_have_no_losses(problem_of):
    training = problem_of(min_dependence=100.0).training
    assert training.items == 0
    assert training.losses(PREFIXES, []).shape == (4, 0)
    assert training.empty.shape == training.floors.shape == (0,)


def test_tokens_that_the_base_lacks_play_no_part(problem_of, resized_pair):
    problem = problem_of(resized_pair)
    assert problem.vocabulary == 340
    for item in problem.training_items:
        assert max(item.reference.targets) < 340
        assert float(item.reference.log_top.exp().sum(-1).max()) <= 1 + 1e-5
    assert torch.isfinite(problem.training.losses(PREFIXES, range(problem.training.items))).all()
