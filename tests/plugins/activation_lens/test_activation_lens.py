"""activation-lens against a naive second implementation, closed forms, and its own promises."""

import math
import pickle
from dataclasses import replace

import pytest
import torch
from diffkit_plugins import activation_lens
from diffkit_plugins.activation_lens.config import ActivationLensConfig
from diffkit_plugins.activation_lens.lenses import lens_results
from diffkit_plugins.activation_lens.mean_shift import mean_shifts
from diffkit_plugins.activation_lens.measure import ReadPlan, collect_statistics
from diffkit_plugins.activation_lens.method import ActivationLens
from safetensors.torch import load_file
from scipy.stats import t as student

from diffkit import (
    Inputs,
    Model,
    ModelPair,
    Note,
    RunContext,
    Series,
    Source,
    Table,
    Texts,
    TokenTable,
    TokenTrace,
    UserError,
    load_pair,
    position_labels,
)
from diffkit.analysis import token_text
from diffkit.checkpoints import Checkpoints
from diffkit.context import Artifacts
from diffkit.method import run_method
from diffkit.organism import Adapter, Identical

EVERY = {"positions": "all"}
READING = {"ablation": False, "steering": False, "jacobian": False, "patchscope": False}
FEW = {"min_texts": 2, "first": 3, "last": 1, "answer": None, "layers": [0], **READING}
SLOTS = ["0", "1", "2", "last", "all"]


def context(texts, folder):
    return RunContext(
        seed=0,
        texts=texts,
        artifacts=Artifacts(folder),
        checkpoints=Checkpoints(folder),
    )


@pytest.fixture
def run(tmp_path, tiny_texts):
    def call(pair, texts=tiny_texts, /, **options):
        config = ActivationLensConfig(**{**FEW, **options})
        return run_method(ActivationLens(), pair, config, context(texts, tmp_path))

    return call


@pytest.fixture
def vectors(tmp_path):
    return lambda: load_file(tmp_path / "mean_differences.safetensors")


def of_kind(findings, kind):
    return [item for item in findings.items if isinstance(item, kind)]


def column(findings, name):
    table = of_kind(findings, Table)[0]
    return [row[table.columns.index(name)] for row in table.rows]


def part(vectors, name, layer=0, slots=SLOTS):
    return [vectors[f"{layer}/{slot}/{name}"] for slot in slots]


def naive(pair, texts, layer, positions, labels=("text", "user", "answer")):
    """For each slot, each reaching text's [base, finetuned] stream and norms, one text a pass.

    The slots are the first positions with one of the labels, the last one, and all.
    """
    rows = [([], []) for _ in range(positions + 2)]
    for text in texts.items:
        inputs = pair.base.inputs([text], max_tokens=256)
        streams = torch.stack(
            [side.resid(inputs, [layer])[0, 0].double() for side in (pair.base, pair.finetuned)]
        )
        own = [label in labels for label in position_labels(pair.tokenizer, text, 256)]
        if not any(own):
            continue
        streams = streams[:, torch.tensor(own)]
        norms = streams.norm(dim=-1)
        for position in range(min(positions, streams.shape[1])):
            rows[position][0].append(streams[:, position])
            rows[position][1].append(norms[:, position])
        rows[-2][0].append(streams[:, -1])
        rows[-2][1].append(norms[:, -1])
        rows[-1][0].append(streams.mean(1))
        rows[-1][1].append(norms.mean(1))
    return [(torch.stack(values), torch.stack(norms)) for values, norms in rows]


def hand_lens(side, vector):
    """Qwen3's RMS norm and unembedding in float64, without the epsilon."""
    model = side.network.module
    normed = vector / vector.square().mean(-1, keepdim=True).sqrt()
    logits = (normed * model.model.norm.weight.double()) @ model.lm_head.weight.double().T
    return logits - logits.mean(-1, keepdim=True)


@pytest.fixture(scope="module")
def copied_pair(tiny_folder):
    """The same weights, loaded twice: what differs is only what a test edits."""
    source = Source(at=str(tiny_folder / "base"))
    base, copy = (load_pair(source, Identical(), device="cpu").base for _ in range(2))
    return ModelPair(base, copy)


def test_it_conforms(conforms):
    specs = []
    activation_lens.register_methods(specs.append)
    (spec,) = specs
    conforms(spec, arguments={"steer": {"prompt": "Who?"}}, min_texts=2, **READING)


@pytest.mark.parametrize("layer", [0, 1])
def test_means_errors_and_norms_agree_with_one_text_at_a_time(
    run, vectors, tiny_pair, tiny_texts, layer
):
    findings = run(tiny_pair, layers=[layer])
    saved = vectors()
    assert column(findings, "slot") == SLOTS
    assert column(findings, "texts") == [5] * 5
    found = [part(saved, name, layer) for name in ("difference", "standard_error", "base")]
    differences, errors, bases = found
    relative = []
    for slot, (values, norms) in enumerate(naive(tiny_pair, tiny_texts, layer, 3)):
        moved = values[:, 1] - values[:, 0]
        mean, error = moved.mean(0), moved.std(0) / math.sqrt(len(moved))
        torch.testing.assert_close(differences[slot].double(), mean, rtol=1e-4, atol=1e-6)
        torch.testing.assert_close(errors[slot].double(), error, rtol=1e-4, atol=1e-6)
        base = values[:, 0].mean(0)
        torch.testing.assert_close(bases[slot].double(), base, rtol=1e-4, atol=1e-6)
        relative.append(float(mean.norm() / norms[:, 0].mean()))
        ratio = float(norms[:, 1].mean() / norms[:, 0].mean())
        assert column(findings, "‖finetuned‖ / ‖base‖")[slot] == pytest.approx(ratio, rel=1e-5)
        signal = float(mean.square().sum() / error.square().sum())
        assert column(findings, "signal")[slot] == pytest.approx(signal, rel=1e-4)
        assert column(findings, "‖mean Δ‖")[slot] == pytest.approx(float(mean.norm()), rel=1e-5)
    assert column(findings, "‖mean Δ‖ / ‖base‖") == pytest.approx(relative, rel=1e-5)
    assert findings.metrics["relative_norm"] == pytest.approx(sum(relative) / 5, rel=1e-5)
    (series,) = of_kind(findings, Series)
    assert series.lines[0].x == (0, 1, 2)
    assert list(series.lines[0].y) == pytest.approx(relative[:3], rel=1e-5)


def test_token_tables_agree_with_a_lens_and_a_jackknife_by_hand(run, tiny_pair, tiny_texts):
    findings = run(tiny_pair, layers=[1], tokens=400, folds=5)
    passing = []
    for slot, (values, _) in zip(SLOTS, naive(tiny_pair, tiny_texts, 1, 3), strict=True):
        moved = values[:, 1] - values[:, 0]
        scores = hand_lens(tiny_pair.finetuned, moved.mean(0))
        without = torch.stack([torch.cat([moved[:i], moved[i + 1 :]]).mean(0) for i in range(5)])
        parts = hand_lens(tiny_pair.finetuned, without)
        errors = (4 / 5 * (parts - parts.mean(0)).square().sum(0)).sqrt()
        kept = scores > student.isf(0.05 / len(scores), 4) * errors
        order = scores.masked_fill(~kept, -1).sort(descending=True).indices[: int(kept.sum())]
        passing.append(len(order))
        tables = [t for t in of_kind(findings, TokenTable) if f"slot {slot} " in t.title]
        assert len(tables) == (len(order) > 0)
        for table in tables:
            words = [token_text(tiny_pair.base.tokenizer, token) for token in order.tolist()]
            assert [row.token for row in table.rows] == words
            found = [row.score for row in table.rows]
            assert found == pytest.approx(scores[order].tolist(), rel=1e-4)
            spreads = [row.spread for row in table.rows]
            assert spreads == pytest.approx(errors[order].tolist(), rel=1e-3, abs=1e-5)
    assert column(findings, "tokens promoted") == passing


def test_deep_layers_come_first_and_in_them_what_stands_furthest_above_chance(
    tiny_pair, tiny_texts, tmp_path
):
    config = ActivationLensConfig(**{**FEW, "layers": [0, 1]})
    plan = ReadPlan.of(tiny_pair.base, config)
    found = list(
        mean_shifts(collect_statistics(tiny_pair, config, context(tiny_texts, tmp_path), plan), 2)
    )
    found[0] = replace(found[0], error=torch.zeros_like(found[0].error))  # the same in every text
    placed = [(p.shift.layer, p.shift.signal) for p in lens_results(tiny_pair, found)]
    assert [layer for layer, _ in placed] == [1] * 5 + [0] * 5
    for part in (placed[:5], placed[5:9]):
        signals = [signal for _, signal in part]
        assert signals == sorted(signals, reverse=True)
    assert placed[9] == (0, None)


def test_the_change_score_is_how_alike_the_differences_at_single_tokens_are(
    run, tiny_pair, tiny_texts
):
    directions = []
    for text in tiny_texts.items:
        inputs = tiny_pair.base.inputs([text], max_tokens=256)
        sides = (tiny_pair.base, tiny_pair.finetuned)
        base, finetuned = (side.resid(inputs, [1])[0, 0].double() for side in sides)
        labels = position_labels(tiny_pair.tokenizer, text, 256)
        counted = torch.tensor([label != "template" for label in labels])
        directions.append(((finetuned - base) / base.norm(dim=-1, keepdim=True))[counted])
    relative = torch.cat(directions)
    products = (relative @ relative.T).square().sum() / relative.square().sum() ** 2
    findings = run(tiny_pair, scored=[1])
    assert findings.change_score == pytest.approx(float(products), rel=1e-4)
    concentration = findings.metrics["concentration_layer_1"]
    assert concentration == pytest.approx(findings.change_score, rel=1e-12)


def test_each_side_is_read_by_its_own_lens(run, tiny_pair, tiny_texts):
    (trace,) = of_kind(run(tiny_pair, candidates=3), TokenTrace)
    assert [token.token for token in trace.tokens] == ["[0]", "[1]", "[2]", "[last]", "[all]"]
    rows = naive(tiny_pair, tiny_texts, 0, 3)
    for token, (values, _) in zip(trace.tokens, rows, strict=True):
        sides = (tiny_pair.base, token.base), (tiny_pair.finetuned, token.finetuned)
        for mean, (side, candidates) in zip(values.mean(0), sides, strict=True):
            best = hand_lens(side, mean).softmax(-1).topk(3).values.tolist()
            assert [c.probability for c in candidates] == pytest.approx(best, rel=1e-3)


def test_a_known_bias_is_found_everywhere(run, vectors, copied_pair):
    bias = torch.randn(32, generator=torch.manual_seed(0))
    with copied_pair.finetuned.edit(0, lambda stream: stream + bias):
        findings = run(copied_pair, tokens=5, scored=[0])
    saved = vectors()
    for row, error in zip(part(saved, "difference"), part(saved, "standard_error"), strict=True):
        torch.testing.assert_close(row, bias, rtol=1e-5, atol=1e-5)
        assert error.max() < 1e-5
    assert column(findings, "signal") == [None] * 5
    assert "median_signal" not in findings.metrics
    assert findings.change_score == pytest.approx(1, abs=1e-3)
    assert len(of_kind(findings, TokenTable)) == 5
    best = hand_lens(copied_pair.finetuned, bias.double()).topk(5)
    words = [token_text(copied_pair.base.tokenizer, token) for token in best.indices.tolist()]
    for table in of_kind(findings, TokenTable):
        assert [row.token for row in table.rows] == words
        assert [row.score for row in table.rows] == pytest.approx(best.values.tolist(), rel=1e-4)
        assert max(row.spread for row in table.rows) < 1e-3


def test_the_tokens_of_a_tiny_bias_are_those_of_a_large_one(run, copied_pair):
    bias = torch.randn(32, generator=torch.manual_seed(1))
    words = []
    for size in (1.0, 1e-3):
        with copied_pair.finetuned.edit(0, lambda stream, size=size: stream + size * bias):
            table = of_kind(run(copied_pair, tokens=5), TokenTable)[-1]
        words.append([row.token for row in table.rows])
        assert table.rows[0].score > 1
    assert words[0] == words[1]


def test_a_bias_in_one_layer_leaves_earlier_ones_at_zero(run, copied_pair):
    with copied_pair.finetuned.edit(1, lambda stream: stream + 1):
        findings = run(copied_pair, layers=[0, 1])
        assert column(findings, "‖mean Δ‖ / ‖base‖")[:5] == [0] * 5
        assert len(of_kind(findings, TokenTable)) == 5
        early = run(copied_pair, layers=[0], scored=[0])
    assert early.change_score == 0
    assert [type(item) for item in early.items] == [Note, Note]


def test_equal_weights_in_two_copies_are_no_change(run, copied_pair):
    findings = run(copied_pair)
    assert findings.change_score == 0
    assert [type(item) for item in findings.items] == [Note, Note]


def test_the_signal_of_chance_alone_is_about_one(run, copied_pair):
    generator = torch.manual_seed(0)

    def jolt(stream):
        return stream + torch.randn(stream[:, :1].shape, generator=generator)

    texts = Texts.of(*[f"The cat sat on {number}." for number in range(60)])
    with copied_pair.finetuned.edit(0, jolt):
        findings = run(copied_pair, texts)
    assert column(findings, "signal") == pytest.approx([1] * 5, abs=0.6)


@pytest.mark.parametrize("size", [1, 2, 4])
def test_the_batch_size_changes_nothing(run, tiny_pair, size):
    one, other = run(tiny_pair), run(tiny_pair, batch_size=size)
    assert one.metrics == pytest.approx(other.metrics, rel=1e-4)
    words = [[[row.token for row in t.rows] for t in of_kind(f, TokenTable)] for f in (one, other)]
    assert words[0] == words[1]


def test_several_layers_are_read_in_one_pass(run, tiny_pair, tiny_texts, monkeypatch):
    alone = [run(tiny_pair, layers=[layer]) for layer in (1, 0)]
    calls, resid = [], Model.resid
    monkeypatch.setattr(
        Model, "resid", lambda self, *given: calls.append(self) or resid(self, *given)
    )
    both = run(tiny_pair, layers=[1.0, 0, -1, 0.0])  # the last two are the first two again
    assert len(calls) == 2
    assert column(both, "layer") == [1] * 5 + [0] * 5
    for name in ("‖mean Δ‖", "signal"):
        expected = [value for findings in alone for value in column(findings, name)]
        assert column(both, name) == pytest.approx(expected, rel=1e-5)
    assert len(of_kind(both, TokenTrace)) == 2
    assert [line.name for line in of_kind(both, Series)[0].lines] == ["layer 1", "layer 0"]


def test_positions_that_few_texts_reach_are_left_out(run, tiny_pair):
    texts = Texts.of("", "!", "!", "The cat sat on the mat.", "The dog lay by the door, and sat.")
    assert column(run(tiny_pair, texts, first=200), "texts")[:2] == [4, 2]
    findings = run(tiny_pair, texts, first=3, min_texts=3)
    assert column(findings, "slot") == ["0", "last", "all"]
    assert column(findings, "texts") == [4] * 3


def test_no_position_but_all_tokens(run, tiny_pair):
    findings = run(tiny_pair, first=0, last=0)
    assert column(findings, "slot") == ["all"]
    assert not of_kind(findings, Series)[0].lines


def test_too_few_texts_are_refused(run, tiny_pair):
    with pytest.raises(UserError, match="Fewer than 6 texts have a token"):
        run(tiny_pair, min_texts=6)


@pytest.mark.parametrize("layer", [2, -3])
def test_a_layer_that_is_not_there_is_refused(run, tiny_pair, layer):
    with pytest.raises(UserError, match=f"There is no layer {layer}"):
        run(tiny_pair, layers=[layer])


def test_a_fraction_beyond_the_depth_is_refused():
    with pytest.raises(ValueError, match=r"go from 0\.0 to 1\.0"):
        ActivationLensConfig(layers=[0.5, 1.5])


def test_bfloat16_is_averaged_in_float64(run, vectors, tiny_folder, tiny_texts):
    adapter = Adapter(source=Source(at=str(tiny_folder / "adapter")))
    base = Source(at=str(tiny_folder / "base"))
    with load_pair(base, adapter, device="cpu", dtype="bfloat16") as pair:
        run(pair, batch_size=1)
        expected = naive(pair, tiny_texts, 0, 3)
    for row, (values, _) in zip(part(vectors(), "difference"), expected, strict=True):
        mean = (values[:, 1] - values[:, 0]).mean(0)
        torch.testing.assert_close(row.double(), mean, rtol=1e-6, atol=1e-7)


def test_a_chat_counts_from_the_first_token_of_its_template(run, vectors, tiny_pair, tiny_texts):
    chat = Texts(items=(tiny_texts.items[-1],) * 2)
    run(tiny_pair, chat, first=1, **EVERY)
    ids = tiny_pair.base.inputs(chat.items, max_tokens=256).ids
    assert tiny_pair.base.tokenizer.decode([int(ids[0, 0])]) == "<|user|>"
    stream = tiny_pair.base.resid(Inputs.of([[int(ids[0, 0])]]), [0])[0, 0, 0]
    torch.testing.assert_close(vectors()["0/0/base"], stream, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("labels", [("text", "user", "answer"), ("answer",), ("template",)])
def test_slots_count_among_the_tokens_with_a_label_that_is_read(
    run, vectors, tiny_pair, tiny_texts, labels
):
    chat = Texts(items=(tiny_texts.items[-1],) * 2)
    found = run(tiny_pair, chat, first=1, positions=labels)
    expected = naive(tiny_pair, chat, 0, 1, labels)
    for slot, (values, _) in zip(("0", "last", "all"), expected, strict=True):
        mean = (values[:, 1] - values[:, 0]).mean(0).float()
        torch.testing.assert_close(vectors()[f"0/{slot}/difference"], mean, rtol=1e-4, atol=1e-5)
    every = position_labels(tiny_pair.tokenizer, chat.items[0], 256)
    left_out = 2 * sum(label not in labels for label in every)
    assert found.metrics["positions_not_read"] == left_out > 0
    assert f"{2 * every.count(labels[-1])} {labels[-1]}" in found.items[-2].text


def test_what_moved_at_the_template_alone_is_said_to_be_unread(run, copied_pair, tiny_texts):
    chat = Texts(items=(tiny_texts.items[-1],) * 2)
    labels = position_labels(copied_pair.tokenizer, chat.items[0], 256)
    template = torch.tensor([label == "template" for label in labels])[:, None]
    with copied_pair.finetuned.edit(0, lambda stream: stream + template):
        found = run(copied_pair, chat, scored=[0], layers=[0])
        every = run(copied_pair, chat, scored=[0], layers=[0], **EVERY)
    assert found.change_score == 0 < every.change_score
    assert "--set positions=all" in found.items[-1].text


def test_where_no_token_has_a_label_that_is_read_the_run_says_so(run, tiny_pair):
    with pytest.raises(UserError, match="No position is system"):
        run(tiny_pair, positions="system")


def test_swapping_the_sides_turns_the_difference_round(run, vectors, tiny_pair):
    run(tiny_pair)
    there = vectors()
    run(ModelPair(tiny_pair.finetuned, tiny_pair.base))
    for one, other in zip(part(there, "difference"), part(vectors(), "difference"), strict=True):
        assert torch.equal(other, -one)


def test_what_is_kept_does_not_grow_with_the_texts(tiny_pair, tmp_path):
    config, sizes = ActivationLensConfig(batch_size=8), []
    plan = ReadPlan.of(tiny_pair.base, config)
    for count in (8, 64):
        texts = Texts.of(*["The cat sat."] * count)
        sizes.append(
            len(pickle.dumps(collect_statistics(tiny_pair, config, context(texts, tmp_path), plan)))
        )
    assert sizes[1] <= sizes[0] + 100
