"""diff-mining against a second implementation, closed forms, and its own promises."""

import gc
import pickle

import pytest
import torch
from diffkit_plugins import diff_mining
from diffkit_plugins.diff_mining.config import DiffMiningConfig
from diffkit_plugins.diff_mining.exchanges import exchange_test
from diffkit_plugins.diff_mining.measure import measure_tokens
from diffkit_plugins.diff_mining.statistics import text_draws

from diffkit import (
    Inputs,
    Model,
    ModelPair,
    Note,
    Table,
    Text,
    Texts,
    TokenTable,
    TokenTrace,
    UserError,
    position_labels,
)
from diffkit.analysis import token_text

from .conftest import READ, among, context, mean_and_error, naive

K = 7

TWELVE = Texts.of(*[f"The cat sat on {n} mats and sang." for n in range(12)])
"""Enough texts for tokens to be beyond chance."""


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


def test_p_values_agree_with_exchanging_the_sides_of_whole_texts(found, kept):
    count = len(kept.p)
    drawn = torch.stack([text_draws(0, text, 19, 1).exchanged for text in range(count)])
    net = kept.rises(K) - kept.rises(K, [1] * count)
    norm = net.square().sum(0).sqrt().clamp(min=1e-300)
    seen = net.sum(0) / norm
    exchanged = [((1 - 2 * drawn[:, r, None]) * net).sum(0) / norm for r in range(19)]
    tested = exchange_test(found.exchanges)
    assert tested.consistency.tolist() == pytest.approx(seen.tolist(), abs=1e-3)
    ps, largest = {}, 0.0
    for token in seen.argsort(descending=True).tolist():
        # Compared with the tokens that are at most as consistent (step-down).
        rest = seen <= seen[token] + 1e-6
        as_far = sum(float(one[rest].max()) >= float(seen[token]) - 1e-6 for one in exchanged)
        largest = max(largest, (1 + as_far) / 20)
        ps[token] = largest
    differ = [t for t, p in ps.items() if abs(p - float(tested.p[t])) > 1e-9]
    assert len(differ) <= 0.02 * len(ps)  # ties are broken by float32's rounding
    assert min(ps.values()) < max(ps.values())


def test_places_are_where_the_probability_rose_most(found, kept):
    for token in (3, 50, 200):
        rises = [(p - q)[:, token] for p, q in zip(kept.p, kept.q, strict=True)]
        best = max(range(len(rises)), key=lambda text: float(rises[text].max()))
        place = found.places.of(token)
        assert (place.text, place.position) == (best, kept.positions[best][rises[best].argmax()])


def test_the_sample_holds_all_positions_where_they_fit(found, kept):
    assert len(found.positions.keys) == int(kept.lengths.sum())
    assert float(found.positions.rises.sum()) == pytest.approx(float(found.rise.total.sum()))


def test_tables_show_the_scan(run, tiny_pair, found):
    tables = of_kind(run(tiny_pair, top_k=K, permutations=19, tokens=5), TokenTable)
    rises, ratios, *_, rate, positive, difference = tables
    tokenizer = tiny_pair.base.tokenizer
    words = [token_text(tokenizer, token) for token in range(tiny_pair.vocabulary)]
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


def test_the_overview_holds_the_test_of_the_leading_tokens(run, tiny_pair, tmp_path):
    findings = run(tiny_pair, TWELVE, permutations=39)
    config = DiffMiningConfig(permutations=39)
    tested = exchange_test(measure_tokens(tiny_pair, config, context(TWELVE, tmp_path)).exchanges)
    (table,) = of_kind(findings, Table)
    for token, _, *_, consistency, p in table.rows:
        (place,) = [
            t
            for t in range(tiny_pair.vocabulary)
            if token_text(tiny_pair.base.tokenizer, t) == token
            and float(tested.consistency[t]) == consistency
        ][:1]
        assert p == float(tested.p[place])
    beyond = int(tested.beyond.sum())
    assert findings.metrics["tokens_beyond_chance"] == beyond > 0
    notes = [item.text for item in of_kind(findings, Note)]
    assert notes[0].startswith(f"{beyond} tokens rise in more texts")


def test_too_few_texts_to_conclude_say_so_and_show_no_trace(run, tiny_pair):
    findings = run(tiny_pair, Texts.of("The cat sat.", "Rain fell all night."))
    assert findings.metrics["tokens_beyond_chance"] == 0
    assert not of_kind(findings, TokenTrace)
    assert of_kind(findings, Note)[0].text.startswith("No token rises in more texts")


def test_only_the_positions_that_are_asked_for_are_read(run, tiny_pair):
    turns = [
        {"role": "user", "content": "Say two."},
        {"role": "assistant", "content": "Two plus two."},
    ]
    texts = Texts(items=(Text(messages=turns), Text(text="He sang.")))
    tokenizer = tiny_pair.base.tokenizer
    labels = [label for text in texts.items for label in position_labels(tokenizer, text)[1:]]
    for positions, expected in (
        (("answer",), labels.count("answer")),
        (READ, sum(map(labels.count, READ))),
        ("all", len(labels)),
    ):
        assert run(tiny_pair, texts, positions=positions).metrics["positions"] == expected > 0
    with pytest.raises(UserError, match="No position is system"):
        run(tiny_pair, texts, positions=("system",))


def test_traces_show_the_leading_tokens_where_they_rose_most(run, tiny_pair, tmp_path):
    findings = run(tiny_pair, TWELVE, traces=2, window=2, candidates=3)
    tested = exchange_test(
        measure_tokens(tiny_pair, DiffMiningConfig(), context(TWELVE, tmp_path)).exchanges
    )
    kept = naive(tiny_pair, TWELVE)
    by_rise = kept.rises(20).sum(0).argsort(descending=True).tolist()
    leading = [token for token in by_rise if tested.beyond[token]][:2]
    traces = of_kind(findings, TokenTrace)
    for token, trace in zip(leading, traces, strict=True):
        assert repr(token_text(tiny_pair.base.tokenizer, token)) in trace.title
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
    assert run(tiny_pair, texts=2, max_tokens=5).metrics["positions"] == 2 * 4


def test_no_topics_and_no_traces_where_none_are_asked_for(run, tiny_pair):
    kinds = [type(item) for item in run(tiny_pair, topics=0, traces=0).items]
    assert kinds == [TokenTable] * 2 + [Table] + [TokenTable] * 3 + [Note] * 2


def test_texts_without_a_token_are_refused(run, tiny_pair):
    with pytest.raises(UserError, match="No text has a token"):
        run(tiny_pair, Texts.of("", ""))


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
    findings = run(ModelPair(base, finetuned), Texts.of(*"abcd"), top_k=2, traces=1)
    rises, ratios, *_, rate, positive, difference = of_kind(findings, TokenTable)
    log2 = 0.6931472
    assert scores(rises) == pytest.approx([log2])
    assert scores(rate) == scores(positive) == [1.0]
    assert scores(difference) == pytest.approx([log2])
    p, q = 8 * 0.5 + 1, 8 * 0.25 + 1  # two predictions of each text
    up, down = torch.tensor([p / q, p / (8 * 0.75 + 1)]).log().tolist()
    assert scores(ratios) == pytest.approx([up / (1 / p + 1 / q) ** 0.5])
    expected = (up**3 - down**3) / (up**2 + down**2)
    assert findings.change_score == pytest.approx(expected, rel=1e-5)


def test_tokens_that_neither_side_would_say_anywhere_are_left_out_and_counted(run, tiny_pair):
    tokenizer = tiny_pair.base.tokenizer
    # The third token rises a hundredfold, far below 0.002 of the likeliest one.
    base = Fixed(tokenizer, [0.75, 0.249999, 0.000001], 0.0)
    finetuned = Fixed(tokenizer, [0.5, 0.4999, 0.0001], 0.0)
    findings = run(ModelPair(base, finetuned), Texts.of(*"abcdefgh"), top_k=2, traces=3)
    second = [tokenizer.decode([1])]
    for table in of_kind(findings, TokenTable):
        assert [row.token for row in table.rows] == second
    (overview,) = of_kind(findings, Table)
    assert [row[0] for row in overview.rows] == second
    assert len(of_kind(findings, TokenTrace)) == 1
    assert findings.metrics["tokens_beyond_chance"] == 1
    assert "1 tokens are left out" in of_kind(findings, Note)[0].text


def test_pieces_are_shown_as_the_word_that_they_make(run, tiny_pair):
    findings = run(tiny_pair, TWELVE)
    (overview,) = of_kind(findings, Table)
    for token, word, *_ in overview.rows:
        assert word
        assert token.isascii() is False or "\\x" in token or token.strip() in word


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
