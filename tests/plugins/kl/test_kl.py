"""kl against a second implementation, closed forms, and its own promises."""

import gc
import math
import pickle

import pytest
import torch
from diffkit_plugins import kl
from diffkit_plugins.kl.config import KLConfig
from diffkit_plugins.kl.measure import measure_divergences
from diffkit_plugins.kl.method import KL

from diffkit import (
    Inputs,
    Model,
    ModelPair,
    Note,
    RunContext,
    Samples,
    Series,
    Table,
    Text,
    Texts,
    TokenTable,
    TokenTrace,
    UserError,
    position_labels,
)
from diffkit.analysis import token_text
from diffkit.checkpoints import Checkpoints
from diffkit.context import Artifacts, no_progress
from diffkit.engine.tokenization import encode
from diffkit.method import run_method

SHORT = {"max_new_tokens": 4, "samples": 2, "traces": 2, "window": 3}


def context(texts, folder, progress=no_progress):
    return RunContext(
        seed=0,
        texts=texts,
        artifacts=Artifacts(folder),
        checkpoints=Checkpoints(folder),
        progress=progress,
    )


@pytest.fixture
def run(tmp_path, tiny_texts):
    def call(pair, texts=tiny_texts, /, **options):
        return run_method(KL(), pair, KLConfig(**{**SHORT, **options}), context(texts, tmp_path))

    return call


def naive(pair, texts, positions=("text", "user", "answer")):
    """Per text: ids, [seq, vocabulary] log-probabilities of both sides, and which count."""
    for text in texts.items:
        inputs = pair.base.inputs([text], max_tokens=256)
        yield (
            inputs.ids[0],
            *(
                side.logits(inputs)[0, :-1, : pair.vocabulary].double().log_softmax(-1)
                for side in (pair.finetuned, pair.base)
            ),
            [label in positions for label in position_labels(pair.tokenizer, text, 256)[1:]],
        )


def naive_predictions(pair, texts, **options):
    """Both sides' log-probabilities of all predictions that count."""
    rows = [(p[counts], q[counts]) for _, p, q, counts in naive(pair, texts, **options)]
    return [torch.cat(each) for each in zip(*rows, strict=True)]


def naive_divergences(p, q, counts):
    """KL(finetuned‖base) of each prediction of a text; −1 where it does not count."""
    return (p.exp() * (p - q)).sum(-1).where(torch.tensor(counts), -1.0)


def naive_metrics(pair, texts, **options):
    p, q = naive_predictions(pair, texts, **options)
    total = sum(len(counts) for *_, counts in naive(pair, texts))
    m = ((p.exp() + q.exp()) / 2).log()
    return {
        "kl_finetuned_base_nats": float((p.exp() * (p - q)).sum(-1).mean()),
        "kl_base_finetuned_nats": float((q.exp() * (q - p)).sum(-1).mean()),
        "jsd_nats": float((p.exp() * (p - m) + q.exp() * (q - m)).sum(-1).mean() / 2),
        "same_likeliest_token_share": float((p.argmax(-1) == q.argmax(-1)).double().mean()),
        "tokens": float(len(p)),
        "positions_not_read": float(total - len(p)),
    }


def alone(shown):
    """A token that is shown with the word that it makes: without this word."""
    return shown.partition(" (")[0]


def of_kind(findings, kind):
    return [item for item in findings.items if isinstance(item, kind)]


def test_it_conforms(conforms):
    specs = []
    kl.register_methods(specs.append)
    (spec,) = specs
    conforms(spec, **SHORT)


def test_metrics_agree_with_a_full_softmax_in_float64(run, tiny_pair, tiny_texts):
    findings = run(tiny_pair)
    assert findings.metrics == pytest.approx(naive_metrics(tiny_pair, tiny_texts), rel=1e-4)
    assert findings.change_score == findings.metrics["jsd_nats"] > 0.01


def test_token_tables_agree_with_a_full_softmax(run, tiny_pair, tiny_texts):
    p, q = naive_predictions(tiny_pair, tiny_texts)
    tables = of_kind(run(tiny_pair, tokens=10), TokenTable)
    for table, one, other in ((tables[0], p, q), (tables[1], q, p)):
        each = (one.exp() * (one - other)).mean(0)
        best = each.topk(10)
        words = [token_text(tiny_pair.base.tokenizer, token) for token in best.indices.tolist()]
        assert [alone(row.token) for row in table.rows] == words
        scores = [row.score for row in table.rows]
        assert scores == pytest.approx(best.values.tolist(), rel=1e-3)


def test_a_whole_token_table_adds_up_to_the_mean(run, tiny_pair, tiny_texts, tmp_path):
    found = measure_divergences(tiny_pair, KLConfig(), context(tiny_texts, tmp_path))
    assert float(found.towards_finetuned.sum()) / found.tokens == pytest.approx(found.kl_pq.mean)
    assert float(found.towards_base.sum()) / found.tokens == pytest.approx(found.kl_qp.mean)


def naive_places(pair, texts):
    """The most divergent place of each word that the finetuned side raises most, largest first.

    Each is its KL, text, position, and word; a text has at most two.
    """
    every = []
    for number, (_, p, q, counts) in enumerate(naive(pair, texts)):
        raised = (p.exp() * (p - q)).argmax(-1).tolist()
        for place, score in enumerate(naive_divergences(p, q, counts).tolist()):
            word = token_text(pair.tokenizer, raised[place])
            if counts[place]:
                every.append((score, number, place + 1, word.strip().casefold() or word))
    best = {}
    for one in sorted(every, key=lambda one: (one[0], -one[1]), reverse=True):
        shown = [other[1] for other in best.values()]
        if one[3] not in best:
            best[one[3]] = one if shown.count(one[1]) < 2 else (-1.0, -1, 0, one[3])
    return [one for one in best.values() if one[0] >= 0], [one[3] for one in every]


def test_traces_show_the_most_divergent_place_of_each_word(run, tiny_pair, tiny_texts):
    traces = of_kind(run(tiny_pair, traces=4, candidates=2), TokenTrace)
    expected, words = naive_places(tiny_pair, tiny_texts)
    rows = list(naive(tiny_pair, tiny_texts))
    for trace, (largest, text, position, word) in zip(traces, expected[:4], strict=True):
        ids, p, *_ = rows[text]
        window = ids[max(0, position - 3) : position + 4].tolist()
        shown = tiny_pair.tokenizer.decode(window)
        assert "".join(token.token for token in trace.tokens) == shown or "\ufffd" in shown
        peak = trace.tokens[min(3, position)]
        assert peak.score == pytest.approx(largest, rel=1e-3)
        assert len(peak.finetuned) == len(peak.base) == 2
        likeliest = float(p[position - 1].exp().max())
        assert peak.finetuned[0].probability == pytest.approx(likeliest, rel=1e-3)
        assert f", in {words.count(word)} of {len(words)} predictions" in trace.title
        assert repr(word).strip("'") in trace.title.casefold()


def test_one_change_in_many_places_is_shown_once(run, tiny_pair):
    """The finetuned side says one word in all places: there is one place, with their number."""
    side = Fixed(tiny_pair.tokenizer, [0.25, 0.75])
    found = run(ModelPair(side, Fixed(side.tokenizer, [0.5, 0.5])), traces=9, samples=0)
    (trace,) = of_kind(found, TokenTrace)
    count = f"{found.metrics['tokens']:.0f}"
    assert f", in {count} of {count} predictions" in trace.title


def test_a_text_has_at_most_two_of_the_places(run, tiny_pair, tiny_texts):
    one = Texts(items=tiny_texts.items[:1])
    assert len(of_kind(run(tiny_pair, one, traces=9), TokenTrace)) == 2


def test_a_trace_from_the_first_token_leaves_it_without_a_score(run, tiny_pair):
    (trace, *_) = of_kind(run(tiny_pair, Texts.of("The cat"), window=50), TokenTrace)
    assert "".join(token.token for token in trace.tokens) == "The cat"
    assert [token.score is None for token in trace.tokens][:2] == [True, False]


def test_swapping_sides_swaps_the_two_divergences_exactly(run, tiny_pair):
    there, back = run(tiny_pair), run(ModelPair(tiny_pair.finetuned, tiny_pair.base))
    assert there.metrics["kl_finetuned_base_nats"] == back.metrics["kl_base_finetuned_nats"]
    assert there.metrics["kl_base_finetuned_nats"] == back.metrics["kl_finetuned_base_nats"]
    assert there.change_score == back.change_score
    rows = [
        [[(alone(row.token), row.score) for row in table.rows] for table in of_kind(f, TokenTable)]
        for f in (there, back)
    ]
    assert rows[0] == rows[1][::-1]


@pytest.mark.parametrize("execution", [{"batch_size": 1}, {"batch_size": 3}, {"chunk": 1}])
def test_execution_options_change_nothing(run, tiny_pair, execution):
    one, other = run(tiny_pair), run(tiny_pair, **execution)
    assert one.metrics == pytest.approx(other.metrics, rel=1e-5)
    assert of_kind(one, Samples) == of_kind(other, Samples)
    words = [
        [[token.token for token in trace.tokens] for trace in of_kind(f, TokenTrace)]
        for f in (one, other)
    ]
    assert words[0] == words[1]


def test_the_order_of_texts_changes_nothing(run, tiny_pair, tiny_texts):
    backwards = run(tiny_pair, Texts(items=tiny_texts.items[::-1]))
    assert run(tiny_pair).metrics == pytest.approx(backwards.metrics, rel=1e-6)


def test_only_the_first_texts_and_tokens_are_read(run, tiny_pair, tiny_texts):
    some = run(tiny_pair, texts=2, max_tokens=5)
    assert some.metrics["tokens"] == 2 * 4


def test_more_samples_than_traces_may_be_asked_for(run, tiny_pair):
    findings = run(tiny_pair, traces=1, samples=3)
    assert len(of_kind(findings, TokenTrace)) == 1
    assert len(of_kind(findings, Samples)[0].rows) == 3


def test_the_summary_holds_the_largest_of_all_batches(run, tiny_pair, tiny_texts):
    (table,) = of_kind(run(tiny_pair, batch_size=1), Table)
    p, q = naive_predictions(tiny_pair, tiny_texts)
    values = (p.exp() * (p - q)).sum(-1).sort().values
    assert table.rows[0][-1] == pytest.approx(float(values[-1]), rel=1e-4)
    for place, q in ((2, 0.5), (3, 0.9), (4, 0.99)):
        expected = float(values[math.ceil(q * len(values)) - 1])
        assert table.rows[0][place] == pytest.approx(expected, rel=0.13)


def test_nothing_but_tables_where_no_places_are_asked_for(run, tiny_pair):
    kinds = [type(item) for item in run(tiny_pair, traces=0, samples=0).items]
    assert kinds == [TokenTable, TokenTable, Table, Series, Note]


def test_what_is_kept_does_not_grow_with_the_texts(tiny_pair, tmp_path):
    alive = []

    def watched(items, **_):
        for item in items:
            alive.append(
                sum(o.nbytes for o in gc.get_objects() if issubclass(type(o), torch.Tensor))
            )
            yield item

    config = KLConfig(batch_size=2)
    few, many = Texts.of(*["The cat sat."] * 4), Texts.of(*["The cat sat."] * 60)
    small = measure_divergences(tiny_pair, config, context(few, tmp_path))
    large = measure_divergences(tiny_pair, config, context(many, tmp_path, watched))
    assert len(alive) == 30
    assert max(alive[2:]) <= alive[1] * 1.01
    assert len(pickle.dumps(large)) <= len(pickle.dumps(small)) + 1_000


def test_a_chat_is_read_through_its_template(run, tiny_pair, tiny_texts):
    chat = Texts(items=(tiny_texts.items[-1],))
    findings = run(tiny_pair, chat, window=200)
    (trace, *_) = of_kind(findings, TokenTrace)
    assert trace.tokens[0].token == "<|user|>"
    assert "<|assistant|>" in [token.token for token in trace.tokens]
    (sample, *_) = of_kind(findings, Samples)[0].rows
    assert "".join(token.token for token in trace.tokens).startswith(sample.prompt)
    assert findings.metrics == pytest.approx(naive_metrics(tiny_pair, chat), rel=1e-4)


def test_what_the_template_writes_is_no_evidence_unless_it_is_asked_for(run, tiny_pair, tiny_texts):
    chat = Texts(items=(tiny_texts.items[-1],))
    for positions in (("template",), ("text", "system", "user", "answer", "template", "special")):
        found = run(tiny_pair, chat, positions=positions)
        assert found.metrics == pytest.approx(
            naive_metrics(tiny_pair, chat, positions=positions), rel=1e-4
        )
    (note,) = of_kind(run(tiny_pair, chat), Note)
    assert note.text.startswith("Positions read:")
    assert f"{naive_metrics(tiny_pair, chat)['positions_not_read']:.0f} template" in note.text
    with pytest.raises(UserError, match="No position is system"):
        run(tiny_pair, chat, positions=("system",))


def test_samples_go_on_from_the_very_tokens_that_were_read(run, tiny_pair, tiny_texts):
    (sample, *_) = of_kind(run(tiny_pair), Samples)[0].rows
    best = max(
        naive(tiny_pair, tiny_texts),
        key=lambda row: float(naive_divergences(*row[1:]).max()),
    )
    ids, p, q, counts = best
    place = int(naive_divergences(p, q, counts).argmax()) + 1
    decode = tiny_pair.base.tokenizer.decode
    assert sample.prompt == decode(ids[:place])
    for text, log_probabilities in ((sample.finetuned, p), (sample.base, q)):
        first = decode([int(log_probabilities[place - 1].argmax())], skip_special_tokens=True)
        assert text.startswith(first.rstrip("\ufffd"))


def test_texts_without_a_token_to_predict_are_refused(run, tiny_pair):
    with pytest.raises(UserError, match="No text has a token to predict"):
        run(tiny_pair, Texts.of("", "!"))


def test_short_texts_among_others_are_passed_over(run, tiny_pair):
    findings = run(tiny_pair, Texts.of("", "The cat sat.", "!"), batch_size=1)
    assert 1 <= len(of_kind(findings, TokenTrace)) <= 2


class Fixed(Model):
    """A model that expects the same distribution everywhere."""

    vocabulary = 2
    device = torch.device("cpu")
    projects = False  # its logits are made of no states

    def __init__(self, tokenizer, probabilities):
        self.tokenizer = tokenizer
        self.network = self
        self.adapter = None
        self.probabilities = torch.tensor(probabilities)

    def inputs(self, texts, *, max_tokens, padding="right"):
        lengths = [len(encode(self.tokenizer, text, max_tokens)) for text in texts]
        return Inputs.of([[place % 2 for place in range(length)] for length in lengths])

    def logits(self, inputs, keep=None):
        shape = (*inputs.mask[:, keep or slice(None)].shape, 2)
        return (self.probabilities.log() + 3.0).expand(shape)


def test_closed_form(run, tiny_pair, tmp_path):
    tokenizer = tiny_pair.base.tokenizer
    base, finetuned = Fixed(tokenizer, [0.25, 0.75]), Fixed(tokenizer, [0.5, 0.5])
    findings = run(ModelPair(base, finetuned), samples=0, traces=1)
    log = math.log
    kl_pq = 0.5 * log(2) + 0.5 * log(2 / 3)
    kl_qp = 0.25 * log(1 / 2) + 0.75 * log(3 / 2)
    jsd = 0.5 * (
        0.5 * log(0.5 / 0.375) + 0.5 * log(0.5 / 0.625)
        + 0.25 * log(0.25 / 0.375) + 0.75 * log(0.75 / 0.625)
    )  # fmt: skip
    assert findings.metrics["kl_finetuned_base_nats"] == pytest.approx(kl_pq, rel=1e-5)
    assert findings.metrics["kl_base_finetuned_nats"] == pytest.approx(kl_qp, rel=1e-5)
    assert findings.change_score == pytest.approx(jsd, rel=1e-5)
    towards, instead = of_kind(findings, TokenTable)
    assert [row.score for row in towards.rows] == pytest.approx([0.5 * log(2)], rel=1e-5)
    assert [row.score for row in instead.rows] == pytest.approx([0.75 * log(1.5)], rel=1e-5)
    (table,) = of_kind(findings, Table)
    for row in table.rows[:2]:
        assert max(row[1:]) == pytest.approx(min(row[1:]), rel=0.12)  # one value: all quantiles


class Padded(Fixed):
    """Expects something else behind padding."""

    def logits(self, inputs, keep=None):
        behind = torch.tensor([0.999, 0.001]).log()
        return torch.where(
            inputs.mask[:, keep or slice(None), None], super().logits(inputs, keep), behind
        )


def test_padding_counts_nowhere(tiny_pair, tmp_path):
    tokenizer = tiny_pair.base.tokenizer
    pair = ModelPair(Fixed(tokenizer, [0.5, 0.5]), Padded(tokenizer, [0.4, 0.6]))
    texts = Texts.of("The cat", "The cat sat on the mat.")
    lengths = [len(encode(tokenizer, text)) for text in texts.items]
    found = measure_divergences(pair, KLConfig(), context(texts, tmp_path))
    assert found.tokens == sum(lengths) - 2 > lengths[0]
    assert found.kl_pq.largest == pytest.approx(found.kl_pq.mean)
    assert {place.position for place in found.places} <= set(range(1, max(lengths)))


def test_a_resized_vocabulary_is_compared_where_both_have_tokens(run, resized_pair, tiny_texts):
    assert (resized_pair.base.vocab_rows, resized_pair.finetuned.vocab_rows) == (340, 348)
    assert resized_pair.vocabulary == 340
    findings = run(resized_pair)
    assert findings.metrics == pytest.approx(naive_metrics(resized_pair, tiny_texts), rel=1e-4)
    words = [row.token for table in of_kind(findings, TokenTable) for row in table.rows]
    traced = [token for trace in of_kind(findings, TokenTrace) for token in trace.tokens]
    words += [candidate.token for token in traced for candidate in token.finetuned]
    likeliest = max(float(p.exp().max()) for _, p, *_ in naive(resized_pair, tiny_texts))
    assert max(c.probability for token in traced for c in token.finetuned) <= likeliest + 1e-5
    assert sum(c.probability for c in traced[1].finetuned) > 0.01
    assert not {"<|new|>", "<|newer|>"} & set(words)


def test_text_objects_and_strings_read_alike(run, tiny_pair):
    one = run(tiny_pair, Texts(items=(Text(text="The cat sat on the mat."),)))
    assert one == run(tiny_pair, Texts.of("The cat sat on the mat."))
