import pytest
import torch
from diffkit_plugins.soft_prompt_kl.data import Passage
from diffkit_plugins.soft_prompt_kl.training.batches import seeded_generator
from diffkit_plugins.soft_prompt_kl.training.optimizer import prompt_gradient
from diffkit_plugins.soft_prompt_kl.training.validation import pool_means

from diffkit import Inputs
from diffkit.maths import DIVERGENCES

PASSAGES = [
    Passage((5, 6, 7, 8), 2, "completion"),
    Passage((9, 10, 11), 0, "text"),
    Passage((12, 13, 14, 15, 16), 4, "completion"),
]


def soft(pair, length=3):
    return torch.randn(length, pair.base.d_model, generator=seeded_generator("prompt"))


def as_it_is(loss):
    return loss


def row(side, prompt, ids):
    """Log probabilities of one row that is read alone, after a prompt."""
    embeds = torch.cat([prompt, side.embed(torch.tensor([ids]))[0].detach()])[None]
    inputs = Inputs(torch.ones(embeds.shape[:2], dtype=torch.bool), embeds=embeds)
    return side.logits(inputs)[0]


def naive(given, prompt, passages):
    """Row after row, without padding, all logits at once: mean divergence, moved, objective."""
    pair, config, values = given.pair, given.config, []
    for one in passages:
        sides, rests = (pair.finetuned, pair.base, pair.base), (prompt, prompt, prompt[:0])
        log = [
            row(side, before, one.ids)[:, : pair.vocabulary].log_softmax(-1)
            for side, before in zip(sides, rests, strict=True)
        ]
        for place in range(one.start, len(one.ids)):
            log_p, log_q = (each[len(prompt) + place - 1] for each in log[:2])
            reference = log[2][place - 1] if place else log_q
            divergence = (log_p.exp() * (log_p - log_q)).sum().clamp(max=config.cap)
            base_kl = (log_q.exp() * (log_q - reference)).sum()
            whole = divergence - config.anchor * base_kl + config.fluency * log_p[one.ids[place]]
            values.append(torch.stack([divergence, base_kl, whole]))
    return torch.stack(values).mean(dim=0)


@pytest.mark.parametrize("options", [{}, {"anchor": 0.0}, {"fluency": 0.3}, {"cap": 0.5}])
def test_the_objective_is_that_of_rows_read_one_by_one(task, options):
    given = task(**options)
    prompt = soft(given.pair)
    found, expected = (
        prompt_gradient(given, prompt, PASSAGES, as_it_is),
        naive(given, prompt, PASSAGES),
    )
    assert found.count == 6
    assert found.total / found.count == pytest.approx(float(expected[2]), rel=1e-4)
    reached = pool_means(given, prompt, [PASSAGES])
    assert reached.divergence == pytest.approx(float(expected[0]), rel=1e-4)
    assert reached.objective == pytest.approx(float(expected[2]), rel=1e-4)
    base_kl = float(expected[1]) if given.config.anchor else 0.0
    assert reached.base_kl == pytest.approx(base_kl, rel=1e-4)


def test_levels_of_pools_weigh_alike_and_empty_ones_not_at_all(task):
    given = task()
    prompt = soft(given.pair)
    apart = [pool_means(given, prompt, [[one]]).divergence for one in PASSAGES[:2]]
    together = pool_means(given, prompt, [PASSAGES[:1], (), PASSAGES[1:2]])
    assert together.divergence == pytest.approx(sum(apart) / 2)
    assert pool_means(given, prompt, [(), ()]).divergence == 0.0


@pytest.mark.parametrize("options", [{}, {"anchor": 0.0}, {"fluency": 0.3}])
def test_the_gradient_is_that_of_finite_differences(task, options):
    given, step = task(cap=99.0, **options), 3e-3
    prompt = soft(given.pair)
    found = prompt_gradient(given, prompt, PASSAGES, as_it_is).gradient
    for number in range(4):
        way = torch.randn(prompt.shape, generator=seeded_generator("way", number))
        up, down = (naive(given, prompt + sign * step * way, PASSAGES)[2] for sign in (1, -1))
        slope = float(-(up - down) / (2 * step))
        assert float((found * way).sum()) == pytest.approx(slope, rel=2e-2, abs=5e-3), number


@pytest.mark.parametrize("micro_batch", [1, 2, 3])
def test_any_micro_batch_adds_up_to_the_same(task, micro_batch):
    whole, parts = (
        prompt_gradient(given, soft(given.pair), PASSAGES, as_it_is)
        for given in (task(), task(micro_batch=micro_batch, chunk=2))
    )
    torch.testing.assert_close(parts.gradient, whole.gradient, rtol=1e-4, atol=1e-6)
    assert parts.total == pytest.approx(whole.total, rel=1e-5)


def test_the_loss_scale_multiplies_the_gradient_alone(task):
    given = task()
    one, scaled = (
        prompt_gradient(given, soft(given.pair), PASSAGES, scale)
        for scale in (as_it_is, lambda loss: 8 * loss)
    )
    torch.testing.assert_close(scaled.gradient, 8 * one.gradient, rtol=1e-5, atol=1e-7)
    assert scaled.total == one.total


def test_bfloat16_products_come_near(task):
    exact, mixed = (
        prompt_gradient(given, soft(given.pair), PASSAGES, as_it_is)
        for given in (task(), task(precision="bfloat16"))
    )
    assert mixed.gradient.dtype == torch.float32
    assert not torch.equal(mixed.gradient, exact.gradient)
    cosine = torch.cosine_similarity(mixed.gradient.flatten(), exact.gradient.flatten(), dim=0)
    assert float(cosine) > 0.95


def test_recomputed_blocks_give_the_same_gradient(task):
    given = task()
    network = given.pair.base.network
    kept = prompt_gradient(given, soft(given.pair), PASSAGES, as_it_is).gradient
    network.checkpointing(True)
    try:
        again = prompt_gradient(given, soft(given.pair), PASSAGES, as_it_is).gradient
    finally:
        network.checkpointing(False)
    torch.testing.assert_close(again, kept, rtol=1e-5, atol=1e-7)


def test_sides_with_tables_of_their_own_each_embed_the_tokens(resized_pair, quick, context):
    from diffkit_plugins.soft_prompt_kl.data import prepare_data
    from diffkit_plugins.soft_prompt_kl.training.objective import prompt_task

    config = quick()
    given = prompt_task(resized_pair, config, prepare_data(resized_pair, config, context), 0)
    prompt = soft(resized_pair)
    found = prompt_gradient(given, prompt, PASSAGES, as_it_is)
    expected = float(naive(given, prompt, PASSAGES)[2])
    assert found.total / found.count == pytest.approx(expected, rel=1e-4)


def test_a_divergence_of_ones_own_is_raised(task):
    given = task(divergence="diffkit.maths.objectives:reverse_kl")
    log_p, log_q = torch.randn(2, 3, 5, generator=torch.manual_seed(0)).log_softmax(dim=-1)
    wanted = DIVERGENCES["reverse-kl"](log_p, log_q)
    torch.testing.assert_close(given.objective.divergence(log_p, log_q), wanted)
