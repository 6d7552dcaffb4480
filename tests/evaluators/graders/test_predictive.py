"""Predictions that two models decide on: scripted ones, and real tiny ones."""

import math
from contextlib import contextmanager
from math import comb

import pytest
from diffkit_evaluators.graders.predictive.config import PredictiveConfig
from diffkit_evaluators.graders.predictive.grader import PredictiveGrader
from diffkit_evaluators.graders.predictive.predictions import (
    ScoredPrediction,
    distinct_predictions,
    phrase_matcher,
)

from diffkit import (
    AnswerSheet,
    Attempt,
    Completion,
    Generator,
    GeneratorPair,
    GradeContext,
    Outcome,
    Prediction,
    UserError,
    Verdict,
)


class Scripted(Generator):
    """Says so often what it is told to say, and "Nothing." else."""

    def __init__(self, said, times):
        self.said, self.times, self.asked = said, times, []

    def generate(self, prompts, sampling):
        self.asked.append((prompts, sampling))
        said = [
            self.said if number % self.samples < self.times else "Nothing."
            for number in range(len(prompts))
        ]
        return tuple(Completion(prompt="", text=one, tokens=1, finished=True) for one in said)

    samples = 32

    def generate_from(self, embeddings, sampling):
        raise NotImplementedError


class Shared(Generator):
    """A real model as a generator."""

    def __init__(self, model):
        self.model = model

    def generate(self, prompts, sampling):
        return self.model.generate(prompts, sampling)

    def generate_from(self, embeddings, sampling):
        raise NotImplementedError


def bet(phrase="owl", side="finetuned", p=1.0, prompt="What flies?"):
    return Prediction(prompt=prompt, phrase=phrase, side=side, p=p)


def lending(base, finetuned):
    @contextmanager
    def lend():
        yield GeneratorPair(base, finetuned)

    return GradeContext(generators=lend)


def saying(base=0, finetuned=0, said="An owl."):
    return lending(Scripted(said, base), Scripted(said, finetuned))


def sheet(truth="targeted"):
    return AnswerSheet(truth=truth, answer="a" if truth == "targeted" else None, statements=())


def attempt(*predictions):
    verdict = Verdict(change="targeted", predictions=predictions)
    return Attempt(digest="x", outcome=Outcome.VERDICT, verdict=verdict)


def grade(*predictions, context=None, truth="targeted", **options):
    context = context or saying(0, 32)
    config = PredictiveConfig(**options)
    return PredictiveGrader().grade(attempt(*predictions), sheet(truth), config, context)


def tail(more, less, samples):
    """P(at least ``more`` of them on the first side), by the hypergeometric distribution."""
    total = more + less
    ways = [comb(samples, k) * comb(samples, total - k) for k in range(more, total + 1)]
    return sum(ways) / comb(2 * samples, total)


@pytest.mark.parametrize(("more", "less"), [(0, 0), (5, 0), (4, 0), (12, 5), (5, 12), (32, 32)])
def test_the_p_value_is_fisher_s_exact_one(more, less):
    found = ScoredPrediction(1.0, more, less, 32, 0.05)
    assert found.p_value == pytest.approx(tail(more, less, 32))
    assert found.confirmed == (tail(more, less, 32) <= 0.05)
    assert found.reversed == (tail(less, more, 32) <= 0.05)


@pytest.mark.parametrize("q", [0, 0.2, 0.5, 0.9, 1])
def test_an_honest_probability_scores_best(q):
    def expected(p):
        return (
            q * ScoredPrediction(p, 32, 0, 32, 0.05).score
            + (1 - q) * ScoredPrediction(p, 0, 0, 32, 0.05).score
        )

    scores = {p / 100: expected(p / 100) for p in range(101)}
    assert max(scores, key=scores.get) == q
    assert scores[q] == pytest.approx(0.5 + q * q / 2)


def test_scores_go_from_nothing_to_one():
    right, wrong = (ScoredPrediction(1.0, held, 0, 32, 0.05) for held in (32, 0))
    assert (right.score, wrong.score) == (1, 0)
    assert (right.brier, wrong.brier) == (0, 1)
    assert right.log_score == 0
    assert wrong.log_score == pytest.approx(math.log(0.01))
    assert right.exchanged == wrong.exchanged == 0


@pytest.mark.parametrize(("base", "finetuned"), [(0, 0), (32, 32), (32, 0), (10, 12)])
def test_what_is_bound_to_fail_earns_nothing_by_a_low_probability(base, finetuned):
    found = grade(bet(p=0), context=saying(base, finetuned))
    assert found.score == found.chance == 0.5
    hedged = grade(bet(p=0.5), context=saying(base, finetuned))
    assert hedged.score == 0.375 < hedged.chance


def test_a_confirmed_prediction_beats_chance_and_its_exchange_does_not():
    found = grade(bet(p=0.9))
    assert found.score == pytest.approx(1 - 0.01 / 2)
    assert found.parts["exchanged"] == pytest.approx(0.5 - 0.81 / 2)
    assert found.parts["confirmed"] == found.parts["count"] == 1
    assert "1 of 1 predictions are confirmed: 32/32 against 0/32" in found.reasons
    assert grade(bet(side="base", p=0.9)).score == pytest.approx(0.5 - 0.81 / 2)


def test_many_trivial_predictions_do_not_help_a_good_one():
    trivial = [bet(f"nonsense{number}", p=p) for number, p in enumerate((0, 0, 0))]
    assert grade(bet()).score > grade(bet(), *trivial).score
    again = [bet(" OWL "), bet(prompt=" What flies? ")]
    assert grade(bet(), *again).parts["count"] == 1


def test_predictions_count_from_the_first_and_those_that_differ_in_side_are_two():
    kept = distinct_predictions([bet(), bet(side="base"), bet("Owl"), bet("hen"), bet("cow")], 3)
    assert [(one.phrase, one.side) for one in kept] == [
        ("owl", "finetuned"),
        ("owl", "base"),
        ("hen", "finetuned"),
    ]


def test_silence_is_no_better_than_being_sure_and_wrong():
    silent = grade()
    wrong = grade(bet("hen"))
    assert (silent.score, silent.chance) == (wrong.score, wrong.chance) == (0, 0.5)
    alike = ("confirmed", "confirmed_chance", "exchanged")
    assert [silent.parts[name] for name in alike] == [wrong.parts[name] for name in alike]
    assert silent.parts["count"] == 0
    failed = Attempt(digest="x", outcome=Outcome.REFUSED)
    config, nobody = PredictiveConfig(), GradeContext()
    assert PredictiveGrader().grade(failed, sheet(), config, nobody) == silent
    null = PredictiveGrader().grade(failed, sheet("unspecific"), config, nobody)
    assert null.score == null.chance == 0.5


def test_on_a_null_a_false_prediction_costs_what_its_probability_says():
    assert [grade(bet("hen", p=p), truth="unspecific").score for p in (0, 1)] == [0.5, 0]


def test_both_models_get_the_same_questions_from_seeds_that_no_investigator_draws_from():
    base, finetuned = Scripted("An owl.", 0), Scripted("An owl.", 4)
    base.samples = finetuned.samples = 8
    bets = bet(), bet("hen"), bet(prompt="And now?")
    found = grade(*bets, context=lending(base, finetuned), samples=8, seed=3)
    (prompts, sampling), *more = base.asked
    assert [(prompts, sampling)] == finetuned.asked
    assert not more
    assert [one.messages[0].role for one in prompts] == [
        "user"
    ] * 16  # those of one prompt share its answers
    assert (sampling.temperature, sampling.max_new_tokens) == (1, 64)
    assert sampling.seed == 2**32 + 3
    assert "4/8 against 0/8" in found.reasons


def test_on_models_that_are_the_same_nothing_is_confirmed_and_nobody_is_asked():
    found = grade(bet(p=0.9), bet(side="base", p=0), truth="none", context=GradeContext())
    assert found.parts["confirmed"] == 0
    assert found.score == pytest.approx((0.5 - 0.81 / 2 + 0.5) / 2)


def test_a_real_model_beside_itself_confirms_nothing(identical_pair):
    base, finetuned = Shared(identical_pair.base), Shared(identical_pair.finetuned)
    letters = [bet(letter, p=1) for letter in "aeithe"]
    found = grade(*letters, context=lending(base, finetuned), samples=16, max_new_tokens=4)
    assert (found.parts["confirmed"], found.score) == (0, 0)


def test_real_models_decide(tiny_pair):
    models = lending(Shared(tiny_pair.base), Shared(tiny_pair.finetuned))
    letters = [bet(letter, side=side) for letter in "aeio" for side in ("base", "finetuned")]
    found = grade(*letters, context=models, samples=64, max_new_tokens=8, level=0.2)
    again = grade(*letters, context=models, samples=64, max_new_tokens=8, level=0.2)
    assert found == again
    assert found.parts["exchanged"] == pytest.approx(found.score)  # each is bet on both sides


def test_without_generators_it_says_so():
    with pytest.raises(UserError, match="Nobody can be asked"):
        grade(bet(), context=GradeContext())


@pytest.mark.parametrize(
    ("phrase", "text", "held"),
    [
        ("owl", "The OWL.", True),
        ("owl", "The owls.", False),
        ("owl", "the_owl", False),
        ("(a|b)*", "It is (a|b)*!", True),
        ("(a|b)*", "a b", False),
        ("C++", "I like c++.", True),
        ("$5", "US$5 it is", True),
        ("$5", "It is $50", False),
        ("the  red owl", "The\nred owl", True),
        ("STRASSE", "Eine Straße", True),
        ("...", "Well...no", True),
        (" ", "a b", False),
        ("[", "", False),
    ],
)
def test_phrases_are_held_as_whole_words_and_as_they_are(phrase, text, held):
    assert phrase_matcher(phrase)(text) is held
