"""diff-mining against a second implementation, closed forms, and its own promises."""

import gc
import pickle

import pytest
import torch
from diffkit_plugins import diff_mining
from diffkit_plugins.diff_mining.config import DiffMiningConfig
from diffkit_plugins.diff_mining.measure import measure_tokens
from diffkit_plugins.diff_mining.statistics import permutation_floor, text_draws

from diffkit import (
    Inputs,
    Model,
    ModelPair,
    Note,
    Table,
    Texts,
    TokenTable,
    TokenTrace,
    UserError,
)

from .conftest import among, context, mean_and_error, naive

K = 7


def of_kind(findings, kind):
    return [item for item in findings.items if isinstance(item, kind)]


def scores(table):
    return [row.score for row in table.rows]


@pytest.fixture
def found(tiny_pair, tiny_texts, tmp_path):
    config = DiffMiningConfig(top_k=K, permutations=19, chunk=3, batch_size=2)
    return measure_tokens(tiny_pair, config, context(tiny_texts, tmp_path))


@pytest.fixture
def kept(tiny_pair, tiny_texts):
    return naive(tiny_pair, tiny_texts)


def test_it_conforms(conforms):
    specs = []
    diff_mining.register_methods(specs.append)
    (spec,) = specs
    conforms(spec, traces=2)


@pytest.mark.parametrize("name", ["rise", "rate", "positive", "difference"])
def test_means_agree_with_keeping_everything(found, kept, name):
    sums = {
        "rise": lambda d: among(d, K),
        "rate": lambda d: among(d, K) > 0,
        "positive": lambda d: d > 0,
        "difference": lambda d: d,
    }[name]
    each = torch.stack([sums(d).double().sum(0) for d in kept.d])
    mean, error = mean_and_error(each, kept.lengths)
    means = getattr(found, name)
    # In float32 a difference next to the K-th may change places with it.
    assert (means.mean - mean).abs().max() < 1e-4
    assert (means.standard_error - error).abs().max() < 1e-4
    assert mean.abs().max() > 0.01


def test_expected_occurrences_agree_with_keeping_everything(found, kept):
    assert torch.allclose(found.p, torch.cat(kept.p).sum(0), rtol=1e-4)
    assert torch.allclose(found.q, torch.cat(kept.q).sum(0), rtol=1e-4)


def test_the_floor_agrees_with_exchanging_the_sides_of_whole_texts(found, kept):
    lengths = [len(p) for p in kept.p]
    drawn = [text_draws(0, text, 19, length).exchanged for text, length in enumerate(lengths)]
    maxima = [
        float(kept.rises(K, [each[r] for each in drawn]).sum(0).max()) / sum(lengths)
        for r in range(19)
    ]
    height = permutation_floor(found.exchanges, sum(lengths))
    assert height.maxima.tolist() == pytest.approx(sorted(maxima, reverse=True), rel=1e-4)
    assert height.height == pytest.approx(max(maxima), rel=1e-4)  # 1 of 20 is 5 %


def test_places_are_where_the_probability_rose_most(found, kept):
    for token in (3, 50, 200):
        rises = [(p - q)[:, token] for p, q in zip(kept.p, kept.q, strict=True)]
        best = max(range(len(rises)), key=lambda text: float(rises[text].max()))
        place = found.places.of(token)
        assert (place.text, place.position) == (best, int(rises[best].argmax()) + 1)


def test_the_sample_holds_all_positions_where_they_fit(found, kept):
    assert len(found.positions.keys) == int(kept.lengths.sum())
    assert float(found.positions.rises.sum()) == pytest.approx(float(found.rise.total.sum()))


def test_tables_show_the_scan(run, tiny_pair, found):
    tables = of_kind(run(tiny_pair, top_k=K, permutations=19, tokens=5), TokenTable)
    rises, ratios, *_, rate, positive, difference = tables
    words = [tiny_pair.base.tokenizer.decode([token]) for token in range(tiny_pair.vocabulary)]
    for table, means in (
        (rises, found.rise),
        (rate, found.rate),
        (positive, found.positive),
        (difference, found.difference),
    ):
        best = means.mean.sort(descending=True, stable=True)
        assert [row.score for row in table.rows] == pytest.approx(
            best.values[:5].tolist(), rel=1e-3
        )
        errors = means.standard_error[best.indices[:5]].tolist()
        assert [row.spread for row in table.rows] == pytest.approx(errors, rel=1e-2)
    assert rises.rows[0].token == words[int(found.rise.mean.argmax())]
    p, q = found.p + 1, found.q + 1
    expected = ((p / q).log() / (1 / p + 1 / q).sqrt()).sort(descending=True)
    assert scores(ratios) == pytest.approx(expected.values[:5].tolist(), rel=1e-3)


def test_the_overview_holds_p_values_that_go_with_the_floor(run, tiny_pair):
    findings = run(tiny_pair, permutations=39)
    (table,) = of_kind(findings, Table)
    for _, _, _, _, rise, height, p in table.rows:
        assert (rise > height) == (p <= 0.05)
    assert table.rows[0][-2] == findings.metrics["floor_nats_per_position"]


def test_traces_show_the_leading_tokens_where_they_rose_most(run, tiny_pair, kept):
    findings = run(tiny_pair, traces=2, window=2, candidates=3)
    leading = kept.rises(20).sum(0).argsort(descending=True)[:2].tolist()
    traces = of_kind(findings, TokenTrace)
    for token, trace in zip(leading, traces, strict=True):
        assert repr(tiny_pair.base.tokenizer.decode([token])) in trace.title
        rises = [(p - q)[:, token] for p, q in zip(kept.p, kept.q, strict=True)]
        largest = max(float(each.max()) for each in rises)
        assert max(each.score or 0 for each in trace.tokens) == pytest.approx(largest, rel=1e-3)
        assert len(trace.tokens) <= 5
        assert {len(each.base) for each in trace.tokens if each.score is not None} == {3}


@pytest.mark.parametrize("execution", [{"batch_size": 1}, {"batch_size": 3}, {"chunk": 1}])
def test_execution_options_change_nothing(run, tiny_pair, execution):
    one, other = run(tiny_pair, topics=2), run(tiny_pair, topics=2, **execution)
    assert one.metrics == pytest.approx(other.metrics, rel=1e-4)
    for left, right in zip(of_kind(one, TokenTable), of_kind(other, TokenTable), strict=True):
        assert scores(left) == pytest.approx(scores(right), rel=1e-3, abs=1e-6)


def test_exchanging_the_sides_leaves_the_score_as_it_is(run, tiny_pair):
    there, back = run(tiny_pair), run(ModelPair(tiny_pair.finetuned, tiny_pair.base))
    assert there.change_score == pytest.approx(back.change_score, rel=1e-9)


def test_the_text_is_the_unit_so_copies_of_texts_narrow_no_more_than_they_should(run, tiny_pair):
    texts = Texts.of("The cat sat on the mat.", "Rain fell all night.", "He sang.", "Two plus two.")
    twice = Texts(items=texts.items * 2)
    one, two = (of_kind(run(tiny_pair, t), TokenTable)[0].rows[0] for t in (texts, twice))
    assert one.score == pytest.approx(two.score, rel=1e-5)
    assert two.spread == pytest.approx(one.spread * (3 / 7) ** 0.5, rel=1e-4)


def test_only_the_first_texts_and_tokens_are_read(run, tiny_pair):
    assert run(tiny_pair, texts=2, max_tokens=5).metrics["positions"] == 2 * 5


def test_no_topics_and_no_traces_where_none_are_asked_for(run, tiny_pair):
    kinds = [type(item) for item in run(tiny_pair, topics=0, traces=0).items]
    assert kinds == [TokenTable] * 2 + [Table] + [TokenTable] * 3


def test_texts_without_a_token_are_refused(run, tiny_pair):
    with pytest.raises(UserError, match="No text has a token"):
        run(tiny_pair, Texts.of("", ""))


def test_what_would_follow_a_text_counts(run, tiny_pair):
    findings = run(tiny_pair, Texts.of("!"), topics=1)
    assert findings.metrics["positions"] == 1
    for trace in of_kind(findings, TokenTrace):
        assert [each.token for each in trace.tokens] == ["!", "[end]"]
        assert trace.tokens[0].score is None
        assert trace.tokens[1].score > 0


def test_empty_texts_among_others_are_passed_over(run, tiny_pair):
    mixed = run(tiny_pair, Texts.of("", "The cat sat.", ""))
    assert (
        mixed.metrics["positions"] == run(tiny_pair, Texts.of("The cat sat.")).metrics["positions"]
    )


def test_one_text_gives_no_standard_error(run, tiny_pair):
    (table, *_) = of_kind(run(tiny_pair, Texts.of("The cat sat.")), TokenTable)
    assert {row.spread for row in table.rows} == {None}


class Apart(ModelPair):
    """Sides that are not known to be the same."""

    identical = False


def test_other_weights_that_move_no_logit_score_nothing(run, tiny_pair):
    base = tiny_pair.base
    findings = run(Apart(base, Model(base.network, base.adapter, base.tokenizer)))
    assert findings.change_score == 0
    assert [type(item) for item in findings.items] == [Note]


class Fixed(Model):
    """A model that expects the same distribution everywhere."""

    vocabulary = 3
    device = torch.device("cpu")
    projects = False  # its logits are made of no states

    def __init__(self, tokenizer, probabilities, level):
        self.tokenizer = tokenizer
        self.network = self
        self.adapter = None
        self.log_probabilities = torch.tensor(probabilities).log() + level

    def inputs(self, texts, *, max_tokens, padding="right"):
        return Inputs.of([[0, 1, 2][:max_tokens] for _ in texts])

    def logits(self, inputs, keep=None):
        return self.log_probabilities.expand(*inputs.mask[:, keep or slice(None)].shape, 3)


def test_closed_form(run, tiny_pair):
    tokenizer = tiny_pair.base.tokenizer
    # The levels of the logits are arbitrary, and 0 probability on both sides is no difference.
    base = Fixed(tokenizer, [0.75, 0.25, 0.0], 5.0)
    finetuned = Fixed(tokenizer, [0.5, 0.5, 0.0], -4.0)
    findings = run(ModelPair(base, finetuned), Texts.of("a", "b"), top_k=2, traces=1)
    rises, ratios, *_, rate, positive, difference = of_kind(findings, TokenTable)
    log2 = 0.6931472
    assert scores(rises) == pytest.approx([log2])
    assert scores(rate) == scores(positive) == [1.0]
    assert scores(difference) == pytest.approx([log2])
    p, q = 6 * 0.5 + 1, 6 * 0.25 + 1
    moved = torch.tensor([(p / (6 * 0.75 + 1)), p / q]).log()
    expected = float(moved[1]) / (1 / p + 1 / q) ** 0.5
    assert scores(ratios) == pytest.approx([expected])
    concentration = 3 * float((moved**4).sum() / (moved**2).sum() ** 2)
    assert findings.change_score == pytest.approx(concentration, rel=1e-5)


def test_what_is_kept_does_not_grow_with_the_texts(tiny_pair, tmp_path):
    alive = []

    def watched(items, **_):
        for item in items:
            alive.append(
                sum(o.nbytes for o in gc.get_objects() if issubclass(type(o), torch.Tensor))
            )
            yield item

    config = DiffMiningConfig(batch_size=2, sample=8)
    few, many = Texts.of(*["The cat sat."] * 6), Texts.of(*["The cat sat."] * 24)
    small = measure_tokens(tiny_pair, config, context(few, tmp_path))
    large = measure_tokens(tiny_pair, config, context(many, tmp_path, watched))
    assert len(alive) == 12
    assert max(alive[3:]) <= alive[2] * 1.01
    assert len(pickle.dumps(large)) <= len(pickle.dumps(small)) + 1_000


def test_a_resized_vocabulary_is_compared_where_both_have_tokens(run, resized_pair, tiny_texts):
    assert (resized_pair.base.vocab_rows, resized_pair.finetuned.vocab_rows) == (340, 348)
    findings = run(resized_pair)
    kept = naive(resized_pair, tiny_texts)
    best = (kept.rises(20).sum(0) / kept.lengths.sum()).sort(descending=True)
    (table, *_) = of_kind(findings, TokenTable)
    assert scores(table) == pytest.approx(best.values[:30].tolist(), rel=1e-3)
    words = [row.token for table in of_kind(findings, TokenTable) for row in table.rows]
    assert not {"<|new|>", "<|newer|>"} & set(words)
