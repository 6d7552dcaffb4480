"""Ablation, Jacobian lens and steering against closed forms and naive second implementations."""

import dataclasses
import math

import pytest
import torch
from diffkit_plugins.activation_lens.ablation import ablate, random_differences, replace_component
from diffkit_plugins.activation_lens.config import ActivationLensConfig
from diffkit_plugins.activation_lens.lenses import jacobian_lens, jacobian_product
from diffkit_plugins.activation_lens.mean_shift import Direction
from diffkit_plugins.activation_lens.steering import (
    Coherence,
    SteeredCompletions,
    SteeringSearch,
    complete,
    distinct_bigrams,
    measure_coherence,
    steer,
    steering_prompts,
)

from diffkit import (
    Completion,
    Inputs,
    ModelPair,
    PromptStart,
    RunContext,
    Source,
    Texts,
    load_pair,
    position_labels,
)
from diffkit.checkpoints import Checkpoints
from diffkit.context import Artifacts
from diffkit.organism import Identical

CONFIG = ActivationLensConfig(steering_tokens=6, steering_prompts=2, controls=3)


def direction(seed, layer=0):
    unit = torch.randn(32, generator=torch.manual_seed(seed), dtype=torch.float64)
    return Direction("all", layer, unit / unit.norm(), 3.0)


@pytest.fixture
def context(tmp_path, tiny_texts):
    return RunContext(0, tiny_texts, Artifacts(tmp_path), Checkpoints(tmp_path))


@pytest.fixture(scope="module")
def copied_pair(tiny_folder):
    """The same weights, loaded twice: what differs is only what a test edits."""
    source = Source(at=str(tiny_folder / "base"))
    base, copy = (load_pair(source, Identical(), device="cpu").base for _ in range(2))
    return ModelPair(base, copy)


def test_swapping_twice_is_swapping_once_and_touches_nothing_else():
    generator = torch.manual_seed(0)
    stream, base = torch.randn(2, 3, 5, 32, generator=generator).unbind(0)
    unit, other = direction(1).unit, direction(2).unit
    once = replace_component(stream, base, unit)
    torch.testing.assert_close(replace_component(once, base, unit), once)
    torch.testing.assert_close(once @ unit.float(), base @ unit.float(), rtol=1e-4, atol=1e-5)
    across = (other - (other @ unit) * unit).float()
    torch.testing.assert_close(once @ across, stream @ across, rtol=1e-4, atol=1e-5)


def test_ablating_the_only_direction_that_moved_gives_the_base_back(copied_pair, context):
    moved, idle = direction(1), direction(2)
    across = idle.unit - (idle.unit @ moved.unit) * moved.unit
    idle = Direction("idle", 0, across / across.norm(), 3.0)
    with copied_pair.finetuned.edit(0, lambda stream: stream + moved.vector(1.0, copied_pair.base)):
        found = ablate(copied_pair, [moved, idle], CONFIG, context)
    assert found.intact.divergence.min() > 0.01
    assert found.removed.tolist() == pytest.approx([1, 0], abs=1e-4)
    assert found.loss[1] == pytest.approx(0, abs=1e-5)
    assert found.removed_error.tolist() == pytest.approx([0, 0], abs=1e-4)


def test_ablation_agrees_with_one_text_at_a_time_by_hand(tiny_pair, tiny_texts, context):
    one, size = direction(3, layer=1), tiny_pair.vocabulary
    found = ablate(tiny_pair, [one], CONFIG, context)
    unit, removed, total = one.unit.float(), [], []
    for number, text in enumerate(tiny_texts.items):
        inputs = tiny_pair.base.inputs([text], max_tokens=256)
        base, stream = (s.resid(inputs, [1])[0] for s in (tiny_pair.base, tiny_pair.finetuned))
        without = stream - ((stream - base) @ unit)[..., None] * unit  # the last of two blocks
        labels = position_labels(tiny_pair.tokenizer, text, 256)[1:]
        counts = torch.tensor([label in CONFIG.positions for label in labels])
        logits = tiny_pair.base.logits(inputs), *map(tiny_pair.finetuned.unembed, (stream, without))
        q, p, r = (each[0, :-1, :size][counts].double().log_softmax(-1) for each in logits)
        whole, rest = ((x.exp() * (x - q)).sum(-1).mean() for x in (p, r))
        total.append(float(whole))
        removed.append(float(whole - rest))
        ids = inputs.ids[0, 1:][counts][:, None]
        grown = float((p.gather(1, ids) - r.gather(1, ids)).mean())
        change = found.ablated.loss[0, number] - found.intact.loss[number]
        assert float(change) == pytest.approx(grown, abs=1e-5)
    assert found.intact.divergence.tolist() == pytest.approx(total, rel=1e-4)
    share = sum(removed) / sum(total)
    assert float(found.removed[0]) == pytest.approx(share, rel=1e-3, abs=1e-5)
    rest = torch.tensor(removed) - share * torch.tensor(total)
    error = float(rest.std() / math.sqrt(len(rest)) / torch.tensor(total).mean())
    assert float(found.removed_error[0]) == pytest.approx(error, rel=1e-3)


def test_ablation_leaves_out_texts_that_predict_nothing(tiny_pair, context):
    texts = Texts.of("", "!", *(str(text) for text in context.texts.items[:3]))
    short = RunContext(0, texts, context.artifacts, context.checkpoints)
    found = ablate(tiny_pair, [direction(0)], CONFIG, short)
    assert found.intact.loss.shape == (3,)
    assert found.removed.isfinite().all()


@pytest.mark.parametrize("size", [1, 2])
def test_the_batch_size_does_not_matter(tiny_pair, context, size):
    small = CONFIG.model_copy(update={"batch_size": size})
    one, other = (ablate(tiny_pair, [direction(0)], c, context) for c in (CONFIG, small))
    torch.testing.assert_close(one.ablated.divergence, other.ablated.divergence)
    one, other = (jacobian_product(tiny_pair, direction(0), c, context) for c in (CONFIG, small))
    torch.testing.assert_close(one, other, rtol=1e-2, atol=1e-3)


def test_random_differences_lie_between_the_streams_of_the_base(tiny_pair, context):
    found = random_differences(tiny_pair, direction(0, layer=1), CONFIG, context)
    assert len(found) == 3
    rows = []
    for text in context.texts.items:
        rows.append(tiny_pair.base.resid(tiny_pair.base.inputs([text], max_tokens=256), [1])[0, 0])
    stream = torch.cat(rows).double()
    apart = stream[:, None] - stream[None]
    apart = apart[apart.norm(dim=-1) > 1e-6]
    apart = apart / apart.norm(dim=-1, keepdim=True)
    for one in found:
        assert one.layer == 1
        assert float((apart @ one.unit).max()) == pytest.approx(1, abs=1e-4)
    again = random_differences(tiny_pair, direction(0, layer=1), CONFIG, context)
    assert all(torch.equal(a.unit, b.unit) for a, b in zip(found, again, strict=True))


def test_random_differences_skip_texts_without_a_token(tiny_pair, context):
    texts = Texts.of("", "", "", "The cat sat on the mat.")
    short = RunContext(0, texts, context.artifacts, context.checkpoints)
    found = random_differences(tiny_pair, direction(0), CONFIG, short)
    assert found
    assert all(one.unit.isfinite().all() for one in found)


def test_the_jacobian_agrees_with_automatic_differentiation(tiny_pair, context):
    one, side = direction(4), tiny_pair.finetuned
    text = Texts(items=context.texts.items[:1])
    short = RunContext(0, text, context.artifacts, context.checkpoints)
    found = jacobian_product(tiny_pair, one, CONFIG, short)
    inputs = side.inputs(text.items, max_tokens=256)
    embeds = side.embed(inputs.ids)
    step = torch.zeros(32, requires_grad=True)
    rows = []
    carrying = embeds + 0 * step.sum()  # so that gradients are recorded
    with side.edit(0, lambda stream: stream + step):
        stream = side.resid(inputs.with_embeds(carrying), [1])[0, 0].mean(0)
        for coordinate in range(32):
            (row,) = torch.autograd.grad(stream[coordinate], step, retain_graph=True)
            rows.append(row)
    exact = torch.stack(rows).double() @ one.unit
    torch.testing.assert_close(found, exact, rtol=1e-2, atol=2e-3)


def test_after_the_last_block_the_jacobian_lens_is_the_logit_lens(tiny_pair, context):
    one = direction(5, layer=1)
    torch.testing.assert_close(
        jacobian_product(tiny_pair, one, CONFIG, context), one.unit, rtol=1e-3, atol=1e-4
    )
    logits = tiny_pair.finetuned.unembed((one.unit * 3).float())[: tiny_pair.vocabulary].double()
    torch.testing.assert_close(
        jacobian_lens(tiny_pair, one, CONFIG, context), logits - logits.mean(), rtol=1e-2, atol=1e-3
    )


def test_strength_zero_is_unsteered_and_a_larger_one_is_not(tiny_pair, context):
    prompts = steering_prompts(tiny_pair.base, context.texts, CONFIG)
    assert {prompt.kind for prompt in prompts} >= {"user's turn", "first words"}
    for side in (tiny_pair.base, tiny_pair.finetuned):
        unsteered = complete(side, prompts, 6)
        assert steer(side, direction(0), 0.0, prompts, 6) == unsteered
        assert steer(side, direction(0), 5.0, prompts, 6) != unsteered


def test_steering_agrees_with_adding_the_vector_at_every_position_by_hand(tiny_pair, context):
    side, one = tiny_pair.finetuned, direction(6, layer=1)
    (prompt, *_) = steering_prompts(tiny_pair.base, context.texts, CONFIG)
    (said,) = steer(side, one, 0.5, [prompt], 4)
    ids = list(prompt.ids)
    for _ in range(4):
        inputs = Inputs.of([ids])
        stream = side.resid(inputs, [1])[0, 0, -1] + (0.5 * 3.0 * one.unit).float()
        ids.append(int(side.unembed(stream)[: side.vocabulary].argmax()))
    new = ids[len(prompt.ids) :]
    assert said.text == side.tokenizer.decode(new, skip_special_tokens=True)


@pytest.mark.parametrize(
    ("text", "share"),
    [("", 0), (" ", 0), ("cat", 1), ("a b c", 1), ("a a a a", 1 / 3), ("a b a b a", 2 / 4)],
)
def test_distinct_pairs(text, share):
    assert distinct_bigrams(text.split()) == pytest.approx(share)


ORDINARY = "The cat sat on the mat and the dog slept by the door of the old house"
INCOHERENT = {
    "a word": " secret" * 24,
    "a word without spaces": "secret" * 24,
    "two words": " the secret" * 12,
    "a sentence": " It was the secret." * 6,
    "numbers without spaces": "-_1" + "_20" * 12,
    "one letter": "a" * 48,
}


@pytest.fixture
def coherence(tiny_pair):
    """Of a text after an ordinary beginning, by the tiny base."""
    ids = tuple(tiny_pair.base.tokenizer("Every morning").input_ids)

    def measured(text):
        said = Completion(prompt="", text=text, tokens=0, finished=True)
        return measure_coherence(tiny_pair.base, [PromptStart("document", "", ids)], [said])[0]

    return measured


@pytest.mark.parametrize("kind", INCOHERENT)
def test_repetition_is_not_coherent_even_where_unsteered_text_repeats_itself(coherence, kind):
    own = coherence(INCOHERENT[kind])
    unlimited = CONFIG.model_copy(update={"steering_nats": 100.0})
    assert not own.is_close_to(coherence(ORDINARY), unlimited)
    assert not own.is_close_to(own, unlimited)


def test_ordinary_text_is_coherent_and_unlikely_text_is_not(coherence):
    own = coherence(ORDINARY)
    assert own.is_close_to(own, CONFIG)
    unlikely = dataclasses.replace(own, log_likelihood=own.log_likelihood - 2.01)
    assert not unlikely.is_close_to(own, CONFIG)
    assert unlikely.is_close_to(own, CONFIG.model_copy(update={"steering_nats": 2.1}))


def test_prompts_whose_unsteered_text_repeats_itself_do_not_count(tiny_pair, context):
    prompts = steering_prompts(tiny_pair.base, context.texts, CONFIG)
    search = SteeringSearch(tiny_pair, prompts, CONFIG)
    good, bad = Coherence(1.0, -1.0), Coherence(0.1, -0.1)
    search.references = (good, bad, good)
    steered = SteeredCompletions(direction(7), 1.0, (), (good, good, bad))
    assert search.coherent_share(steered) == 1 / 2
    search.references = (bad,) * 3
    assert search.coherent_share(steered) == 0


def test_coherence_reads_the_completions_tokens_alone(tiny_pair):
    base, said = tiny_pair.base, ["The cat sat", "", "The dog lay by the door"]
    ids = base.tokenizer("Every morning").input_ids
    prompts = [PromptStart("document", "Every morning", tuple(ids))] * 3
    completions = [Completion(prompt="", text=t, tokens=0, finished=True) for t in said]
    found = measure_coherence(base, prompts, completions)
    assert found[1].log_likelihood == 0
    for place in (0, 2):
        new = base.tokenizer(said[place]).input_ids
        inputs = Inputs.of([[*ids, *new]])
        likely = base.logits(inputs)[0, :, : base.vocabulary].log_softmax(-1)
        expected = [float(likely[len(ids) - 1 + i, token]) for i, token in enumerate(new)]
        assert found[place].log_likelihood == pytest.approx(sum(expected) / len(new), rel=1e-4)


def test_where_nothing_was_said_nothing_was_unlikely(tiny_pair):
    prompts = [PromptStart("document", "The", (5,)), PromptStart("document", "The cat", (5, 6))]
    silent = [Completion(prompt="", text="", tokens=0, finished=True)] * 2
    found = measure_coherence(tiny_pair.base, prompts, silent)
    assert [(one.distinct, one.log_likelihood) for one in found] == [(0, 0)] * 2


def test_the_strongest_coherent_strength_is_that_of_a_search_of_all(tiny_pair, context):
    prompts = steering_prompts(tiny_pair.base, context.texts, CONFIG)
    strengths = (0.01, 0.1, 1.0, 10.0, 100.0)
    options = {"steering_strengths": strengths, "steering_nats": 1.0}
    options |= {
        "steering_distinct": 0.0,
        "steering_repetition": 1.0,
    }  # a random base repeats itself
    config = CONFIG.model_copy(update=options)
    steerer = SteeringSearch(tiny_pair, prompts, config)
    shares = [steerer.coherent_share(steerer.steer(direction(7), each)) for each in strengths]
    assert shares[0] >= 0.75
    assert shares[-1] < 0.75
    found = steerer.find_strongest(direction(7), torch.manual_seed(0))
    coherent = [each for each, share in zip(strengths, shares, strict=True) if share >= 0.75]
    assert found.steered.strength == max(coherent)
    assert found.control.strength == max(coherent)
    assert found.control.direction.unit.norm() == pytest.approx(1)
    assert abs(float(found.control.direction.unit @ direction(7).unit)) < 0.9


def test_where_no_strength_is_coherent_there_is_no_steering(tiny_pair, context):
    prompts = steering_prompts(tiny_pair.base, context.texts, CONFIG)
    config = CONFIG.model_copy(update={"steering_strengths": (100.0,), "steering_nats": 0.0})
    steerer = SteeringSearch(tiny_pair, prompts, config)
    assert steerer.find_strongest(direction(8), torch.manual_seed(0)) is None


def test_the_base_can_be_steered_instead(tiny_pair, context):
    prompts = steering_prompts(tiny_pair.base, context.texts, CONFIG)
    config = CONFIG.model_copy(update={"steered": "base"})
    assert SteeringSearch(tiny_pair, prompts, config).unsteered == complete(
        tiny_pair.base, prompts, 6
    )
