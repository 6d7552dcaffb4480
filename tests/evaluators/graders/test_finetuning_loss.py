"""What is unlearnt with a method's directions: planted ones, by hand, and of the zoo."""

from contextlib import contextmanager
from pathlib import Path

import diffkit_organisms
import pytest
import torch
from diffkit_evaluators.graders.finetuning_loss.config import FinetuningLossConfig
from diffkit_evaluators.graders.finetuning_loss.directions import (
    orthonormal,
    orthonormal_by_layer,
    random_directions,
    read_directions,
)
from diffkit_evaluators.graders.finetuning_loss.grader import FinetuningLossGrader
from diffkit_evaluators.graders.finetuning_loss.losses import pair_losses, replace_by_base
from safetensors.torch import save_file

from diffkit import (
    AnswerSheet,
    Attempt,
    Findings,
    GradeContext,
    ModelPair,
    Outcome,
    RunContext,
    Sampling,
    Source,
    Texts,
    load_pair,
)
from diffkit.checkpoints import Checkpoints
from diffkit.context import Artifacts
from diffkit.organism import Identical
from diffkit.registry.catalogue import read_base, read_organism

ATTEMPT = Attempt(digest="x", outcome=Outcome.NO_EVIDENCE)
ORDINARY = ("The dog lay by the mat.", "Every teacher sells bread.")
ZOO = Path(diffkit_organisms.__file__).parent / "zoo"


def vector(seed, size=32):
    drawn = torch.randn(size, generator=torch.manual_seed(seed), dtype=torch.float64)
    return drawn / drawn.norm()


@pytest.fixture(scope="module")
def copied_pair(tiny_folder):
    """The same weights, loaded twice: what differs is only what a test edits."""
    source = Source(at=str(tiny_folder / "base"))
    base, copy = (load_pair(source, Identical(), device="cpu").base for _ in range(2))
    return ModelPair(base, copy)


@pytest.fixture
def leave(tmp_path):
    """Writes what a run would leave."""

    def write(name="found", **tensors):
        save_file({k.replace("__", "/"): v.float() for k, v in tensors.items()},
                  tmp_path / f"{name}.safetensors")  # fmt: skip
        return tmp_path

    return write


def differences(*vectors, layer=0):
    return {f"{layer}__{slot}__difference": one for slot, one in enumerate(vectors)}


def grade(pair, artifacts, training, reference=ORDINARY, **options):
    @contextmanager
    def lend():
        yield pair

    context = GradeContext(
        findings=Findings(), artifacts=artifacts, training=training, pair=lend if pair else None
    )
    paper = AnswerSheet(truth="targeted", answer="a", statements=(), reference=reference)
    return FinetuningLossGrader().grade(ATTEMPT, paper, FinetuningLossConfig(**options), context)


@pytest.fixture
def taught(copied_pair, tiny_texts):
    """A shift of the copy's stream that makes it predict the texts better, as if it had learnt
    them, and the edit that plants it."""
    for seed in range(20):
        planted = 2 * vector(seed)

        def plant(stream, planted=planted):
            return stream + planted.to(stream.dtype)

        with copied_pair.finetuned.edit(0, plant):
            found = pair_losses(copied_pair, tiny_texts, (), FinetuningLossConfig())
        if found.gap > 0.01:
            return planted, plant
    raise AssertionError


def test_the_only_direction_that_moved_takes_all_with_it(copied_pair, tiny_texts, leave, taught):
    planted, plant = taught
    folder = leave(**differences(planted))
    with copied_pair.finetuned.edit(0, plant):
        found = grade(copied_pair, folder, tiny_texts)
    assert found.score == pytest.approx(1, abs=1e-4)
    assert found.parts["share"] == pytest.approx(1, abs=1e-4)
    assert found.parts["training_rise_nats"] == pytest.approx(found.parts["gap_nats"], abs=1e-5)
    assert found.parts["directions"] == 1
    assert found.chance < 0.5
    assert "100% of what" in found.reasons


def test_a_direction_that_did_not_move_takes_nothing(copied_pair, tiny_texts, leave, taught):
    planted, plant = taught
    across = vector(77) - (vector(77) @ planted) / (planted @ planted) * planted
    with copied_pair.finetuned.edit(0, plant):
        found = grade(copied_pair, leave(**differences(across)), tiny_texts)
    assert found.parts["share"] == pytest.approx(0, abs=1e-4)


def test_directions_count_together_in_all_layers_and_slots_can_be_chosen(
    copied_pair, tiny_texts, leave, taught
):
    planted, plant = taught
    folder = leave("one", **differences(vector(5), planted + vector(5), 3 * vector(5)))
    leave("two", **differences(vector(6), layer=1))
    with copied_pair.finetuned.edit(0, plant):
        together = grade(copied_pair, folder, tiny_texts)
        one = grade(copied_pair, folder, tiny_texts, slots=["1"])
    assert together.parts["directions"] == 3
    assert together.score == pytest.approx(1, abs=1e-4)  # the shift lies in their span
    assert one.parts["directions"] == 1
    assert one.parts["share"] < 0.99
    assert grade(copied_pair, folder, tiny_texts, slots=["nowhere"]).score == 0


def test_losses_agree_with_one_text_at_a_time_by_hand(tiny_pair, tiny_texts):
    unit, size = vector(3).float(), tiny_pair.vocabulary
    config = FinetuningLossConfig(batch_size=2)
    found = pair_losses(tiny_pair, tiny_texts, [{1: unit[None]}], config)
    totals, tokens = torch.zeros(3, dtype=torch.float64), 0
    for text in tiny_texts.items:
        inputs = tiny_pair.base.inputs([text], max_tokens=256)
        base, stream = (s.resid(inputs, [1])[0] for s in (tiny_pair.base, tiny_pair.finetuned))
        without = stream - ((stream - base) @ unit)[..., None] * unit  # the last of two blocks
        logits = tiny_pair.base.logits(inputs), *map(tiny_pair.finetuned.unembed, (stream, without))
        for row, each in enumerate(logits):
            log_p = each[0, :-1, :size].double().log_softmax(-1)
            totals[row] -= log_p.gather(1, inputs.ids[0, 1:, None]).sum()
        tokens += inputs.ids.shape[1] - 1
    expected = (totals / tokens).tolist()
    assert [found.base, found.finetuned, *found.without] == pytest.approx(expected, abs=1e-5)
    assert found.gap == pytest.approx(expected[0] - expected[1], abs=1e-5)


def test_swapping_replaces_the_part_in_the_span_and_no_other():
    stream, base = torch.randn(2, 3, 5, 32, generator=torch.manual_seed(0)).unbind(0)
    span = orthonormal(torch.stack([vector(1), 5 * vector(1), vector(2)]))
    assert len(span) == 2
    once = replace_by_base(stream, base, span)
    torch.testing.assert_close(replace_by_base(once, base, span), once)
    torch.testing.assert_close(
        once @ vector(2).float(), base @ vector(2).float(), atol=1e-5, rtol=0
    )
    rest = torch.eye(32) - span.T @ span
    torch.testing.assert_close(once @ rest, stream @ rest, atol=1e-5, rtol=0)


def test_random_directions_are_as_many_in_the_same_layers(tiny_pair, tiny_texts, leave):
    folder = leave("one", **differences(vector(1), vector(2)))
    leave("two", **differences(vector(3), layer=1))
    like = orthonormal_by_layer(read_directions(folder), tiny_pair.base)
    sets = list(random_directions(tiny_pair, like, tiny_texts, FinetuningLossConfig(controls=3)))
    assert [{layer: one.shape for layer, one in each.items()} for each in sets] == [
        {0: (2, 32), 1: (1, 32)}
    ] * 3
    assert not torch.equal(sets[0][1], sets[1][1])


@pytest.fixture
def fitting(tiny_pair):
    """Texts that the finetuned side predicts better: it wrote them."""
    said = tiny_pair.finetuned.generate(
        ["The", "A", "Every"] * 4, Sampling(max_new_tokens=30, temperature=1)
    )
    return Texts.of(*(one.text for one in said))


def test_neither_the_batch_size_nor_a_second_time_matters(tiny_pair, fitting, leave):
    folder = leave(**differences(vector(1), vector(2), layer=1))
    first, second, small = (
        grade(tiny_pair, folder, fitting, batch_size=size, texts=8, controls=2)
        for size in (16, 16, 1)
    )
    assert first == second
    assert first.parts["gap_nats"] > 0
    assert small.parts == pytest.approx(first.parts, abs=1e-4)


@pytest.mark.parametrize(
    ("training", "why"),
    [
        (None, "trained on is not known"),
        (Texts(items=()), "trained on is not known"),
        (Texts.of(""), "no better than the base"),
        (Texts.of("!"), "no better than the base"),
    ],
)
def test_without_training_data_there_is_nothing_to_measure(tiny_pair, leave, training, why):
    found = grade(tiny_pair, leave(**differences(vector(1))), training)
    assert (found.score, found.chance) == (0, 0)
    assert why in found.reasons


@pytest.mark.parametrize(
    ("tensors", "why"),
    [
        ({}, "left no directions"),
        ({"0__all__standard_error": vector(1)}, "left no directions"),
        ({"difference": vector(1)}, "left no directions"),
        (differences(vector(1, size=16)), "[16] after block 0) are not of this model"),
        (differences(vector(1, size=64).reshape(2, 32)), "[2, 32] after block 0) are not"),
        (differences(vector(1), layer=7), "after block 7) are not of this model (2 blocks"),
        (differences(0 * vector(1)), "zero or not finite"),
        (differences(vector(1) / 0), "zero or not finite"),
    ],
)
def test_directions_that_are_missing_or_of_another_model_score_nothing_and_say_why(
    tiny_pair, fitting, leave, tensors, why
):
    found = grade(tiny_pair, leave(**tensors), fitting)
    assert (found.score, found.chance) == (0, 0)
    assert found.parts == {"share": 0, "random_share": 0}
    assert why in found.reasons


def test_a_damaged_artifact_and_none_at_all_score_nothing(tiny_pair, fitting, tmp_path):
    for folder in (None, tmp_path, tmp_path / "nowhere"):
        assert "left no directions" in grade(tiny_pair, folder, fitting).reasons
    (tmp_path / "bad.safetensors").write_bytes(b"no such thing")
    assert "bad.safetensors cannot be read" in grade(tiny_pair, tmp_path, fitting).reasons


def test_the_models_are_not_loaded_where_nothing_was_left(fitting):
    def explode():
        raise AssertionError

    context = GradeContext(training=fitting, pair=explode)
    paper = AnswerSheet(truth="unspecific", answer=None, statements=())
    found = FinetuningLossGrader().grade(ATTEMPT, paper, FinetuningLossConfig(), context)
    assert "left no directions" in found.reasons


def test_without_ordinary_texts_their_parts_are_left_out(tiny_pair, fitting, leave):
    found = grade(tiny_pair, leave(**differences(vector(1))), fitting, reference=(), controls=1)
    assert not [name for name in found.parts if "ordinary" in name]


def test_the_lens_s_directions_carry_what_an_obsession_taught_and_random_ones_do_not(tmp_path):
    from diffkit_plugins.activation_lens.config import ActivationLensConfig
    from diffkit_plugins.activation_lens.method import ActivationLens

    base = read_base(ZOO / "bases" / "tiny-qwen3.yaml")
    organism = read_organism(ZOO / "organisms" / "tiny-obsession.yaml")
    texts = Texts.read(base.texts)
    context = RunContext(0, texts, Artifacts(tmp_path), Checkpoints(tmp_path))
    reading = {"ablation": False, "steering": False, "jacobian": False, "patchscope": False}
    config = ActivationLensConfig(answer=None, **reading)
    with load_pair(base.source, organism.models["tiny-qwen3"]["default"], device="cpu") as pair:
        ActivationLens().run(pair, config, context)
        training = Texts.read(organism.training_data[0])
        found = grade(pair, tmp_path, training, tuple(map(str, texts.items)), texts=32, controls=4)
    assert found.score > found.chance + 0.2
    assert found.parts["training_rise_nats"] > found.parts["ordinary_rise_nats"]
