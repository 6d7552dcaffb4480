"""Prefixes on both halves, greedily and sampled: against the reference itself and by hand."""

import pytest
from diffkit_plugins.steering_prefix.config import CompletionOptions
from diffkit_plugins.steering_prefix.evaluation import PrefixEvaluator, compare_completions
from diffkit_plugins.steering_prefix.problem import match_problem
from diffkit_plugins.steering_prefix.prompts.references import Continuation, ContinuationGenerator

from diffkit import Inputs, RunContext
from diffkit.checkpoints import Checkpoints
from diffkit.context import Artifacts

WORDS = "The cat"
OPTIONS = CompletionOptions(
    suffixes=5,
    own_suffixes=0,
    kept_suffixes=4,
    completion_tokens=4,
    exact_tokens=2,
    sampled=2,
    early_tokens=1,
    early_weight=2.0,
)


@pytest.fixture(scope="module")
def evaluator(tiny_model, tiny_texts, tmp_path_factory):
    folder = tmp_path_factory.mktemp("evaluation")
    context = RunContext(
        seed=0, texts=tiny_texts, artifacts=Artifacts(folder), checkpoints=Checkpoints(folder)
    )
    problem = match_problem(tiny_model, WORDS, OPTIONS, context)
    return PrefixEvaluator.of(problem, tiny_model, WORDS, OPTIONS, seed=3)


def test_the_reference_is_itself_in_every_way(evaluator):
    evaluated = evaluator.evaluate("reference", evaluator.tokenise(WORDS))
    for result, half in (
        (evaluated.training, evaluator.training),
        (evaluated.held_out, evaluator.held_out),
    ):
        assert result.loss == pytest.approx(0, abs=1e-5)
        assert result.entropy == pytest.approx(half.entropy_floor, rel=1e-4)
        assert (result.greedy.exact, result.greedy.exact_first, result.greedy.tokens) == (1, 1, 1)
    assert evaluated.text == WORDS
    assert evaluated.held_out.sampled.exact == 1  # drawn with the same random numbers
    assert evaluated.training.sampled is None


def test_what_is_said_without_a_prefix_is_the_model_s_own(evaluator, tiny_model):
    evaluated = evaluator.evaluate("none", ())
    assert evaluated.text == ""
    slot = evaluator.held_out.items[0].slot
    ids = list(slot.bare)
    own = []
    for _ in range(OPTIONS.completion_tokens):
        logits = tiny_model.logits(Inputs.of([[*ids, *own]]), keep=1)
        token = int(logits[0, -1, : tiny_model.vocabulary].argmax())
        if token in tiny_model.eos_ids:
            break
        own.append(token)
    assert evaluated.held_out.completions[0].ids == tuple(own)


def test_shares_are_those_of_the_completions(evaluator):
    evaluated = evaluator.evaluate("other", evaluator.tokenise(" dog"))
    half, result = evaluator.training, evaluated.training
    expected = compare_completions(
        [r.ids for r in half.references], [s.ids for s in result.completions], 2
    )
    assert result.greedy == expected


def test_references_that_say_nothing_are_no_agreement(evaluator):
    words, others = (Continuation(ids, True, "a b") for ids in ((5, 6), (5, 7)))
    silence = Continuation((), True, "")
    assert evaluator._agreement([words, silence], [others, silence]) == compare_completions(
        [(5, 6)], [(5, 7)], 2
    )
    assert evaluator._agreement([silence], [silence]) is None


def test_entropies_are_those_of_a_second_implementation(evaluator, tiny_model):
    ids = evaluator.tokenise(" dog")
    losses = []
    for item in evaluator.held_out.items:
        targets = item.reference.targets
        prompt = item.slot.prompt(ids)
        logits = tiny_model.logits(Inputs.of([[*prompt, *targets]])).double()
        found = logits[0, len(prompt) - 1 : -1, : tiny_model.vocabulary].log_softmax(-1)
        each = [-float(row[token]) for row, token in zip(found, targets, strict=True)]
        weights = [2.0, *[1.0] * (len(each) - 1)]
        total = sum(w * loss for w, loss in zip(weights, each, strict=True))
        losses.append(total / sum(weights))
    evaluated = evaluator.evaluate("other", ids)
    assert evaluated.held_out.entropy == pytest.approx(sum(losses) / len(losses), rel=1e-4)


def test_draws_do_not_depend_on_the_batch(evaluator, tiny_model):
    prompts = evaluator.held_out.prompts(())
    samples = [
        ContinuationGenerator(
            tiny_model, tiny_model.vocabulary, OPTIONS.model_copy(update={"batch_size": size})
        ).generate_sampled(prompts, seed=5)
        for size in (1, 3, 128)
    ]
    assert samples[0] == samples[1] == samples[2]
    assert len(samples[0]) == len(prompts) * OPTIONS.sampled
