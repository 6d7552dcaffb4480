import pytest
import torch
from diffkit_plugins.steering_prefix.prompts.references import (
    ReferenceModel,
    generate_continuations,
    log_rest,
)

from diffkit import Inputs, Sampling

GREEDY = Sampling(max_new_tokens=5)
PROMPTS = [(30, 40, 50), (60, 70), (80, 90, 100, 110)]


def greedy(model, prompt, vocabulary, count=5):
    """Token by token, whole rows."""
    ids = list(prompt)
    for _ in range(count):
        token = int(model.logits(Inputs.of([ids]))[0, -1, :vocabulary].argmax())
        if token in model.eos_ids:
            return ids[len(prompt) :], True
        ids.append(token)
    return ids[len(prompt) :], False


def test_greedy_completions_are_the_likeliest_tokens(tiny_pair):
    for model, vocabulary in ((tiny_pair.finetuned, 340), (tiny_pair.base, 60)):
        done = generate_continuations(model, PROMPTS, GREEDY, vocabulary=vocabulary)
        for prompt, one in zip(PROMPTS, done, strict=True):
            ids, finished = greedy(model, prompt, vocabulary)
            assert (list(one.ids), one.finished) == (ids, finished)
            assert one.text == model.tokenizer.decode(ids, skip_special_tokens=True)


def test_sampled_ones_depend_on_seed_and_number_alone(tiny_model):
    sampling = Sampling(max_new_tokens=8, temperature=1.0, seed=3)
    whole = generate_continuations(tiny_model, PROMPTS, sampling, vocabulary=340, numbers=[0, 1, 2])
    (alone,) = generate_continuations(
        tiny_model, PROMPTS[2:], sampling, vocabulary=340, numbers=[2]
    )
    assert alone == whole[2]
    (other,) = generate_continuations(
        tiny_model, PROMPTS[2:], sampling, vocabulary=340, numbers=[7]
    )
    assert other != alone


@pytest.mark.parametrize("batch_size", [1, 2, 9])
def test_predictions_are_those_of_whole_rows(tiny_model, batch_size):
    reader = ReferenceModel(tiny_model, 340, top=11, batch_size=batch_size)
    found = reader.complete(PROMPTS, GREEDY, range(3))
    for prompt, one in zip(PROMPTS, found, strict=True):
        row = [*prompt, *one.targets]
        logits = tiny_model.logits(Inputs.of([row[:-1]]))[0, len(prompt) - 1 :]
        log_p = logits.double().log_softmax(-1)
        expected = log_p.topk(11)
        torch.testing.assert_close(one.log_top.double(), expected.values, atol=1e-5, rtol=1e-5)
        assert torch.equal(one.top, expected.indices)
        rest = (1 - expected.values.exp().sum(-1)).log()
        torch.testing.assert_close(one.log_rest.double(), rest, atol=1e-3, rtol=1e-3)
        targets = log_p.gather(1, torch.tensor(one.targets)[:, None])[:, 0]
        torch.testing.assert_close(one.log_targets.double(), targets, atol=1e-5, rtol=1e-5)


def test_the_token_that_ends_a_completion_counts(tiny_model, monkeypatch):
    (plain,) = ReferenceModel(tiny_model, 340, top=3, batch_size=4).complete(
        PROMPTS[:1], GREEDY, [0]
    )
    third = plain.targets[2]
    ends = frozenset({third, 5})
    monkeypatch.setattr(type(tiny_model), "eos_ids", property(lambda _: ends))
    (ended,) = ReferenceModel(tiny_model, 340, top=3, batch_size=4).complete(
        PROMPTS[:1], GREEDY, [0]
    )
    assert ended.continuation.finished
    slot = plain.targets.index(third)
    assert ended.targets == plain.targets[: slot + 1]
    assert ended.continuation.ids == plain.targets[:slot]


def test_a_completion_that_ends_at_once_has_one_target(tiny_model, monkeypatch):
    (plain,) = ReferenceModel(tiny_model, 340, top=3, batch_size=4).complete(
        PROMPTS[:1], GREEDY, [0]
    )
    monkeypatch.setattr(
        type(tiny_model), "eos_ids", property(lambda _: frozenset(plain.targets[:1]))
    )
    both = ReferenceModel(tiny_model, 340, top=3, batch_size=4).complete(PROMPTS, GREEDY, range(3))
    assert both[0].targets == plain.targets[:1]
    assert both[0].continuation.text == ""


def test_with_all_tokens_kept_nothing_is_left(tiny_model):
    (one,) = ReferenceModel(tiny_model, 340, top=1_000, batch_size=4).complete(
        PROMPTS[:1], GREEDY, [0]
    )
    assert one.top.shape[1] == 340
    assert float(one.log_rest.exp().max()) < 1e-6


def test_what_is_left_of_one_is_never_less_than_float32_knows():
    left = log_rest(torch.tensor([[0.5, 0.25], [0.5, 0.5], [0.75, 0.2500001]]).log())
    torch.testing.assert_close(
        left.exp(), torch.tensor([0.25, 5.96e-8, 5.96e-8]), rtol=1e-3, atol=0
    )
