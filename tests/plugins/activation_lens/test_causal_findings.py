"""What the whole method says of causes, and what its tool `steer` answers."""

import pytest
import torch
from diffkit_plugins import activation_lens
from diffkit_plugins.activation_lens.config import ActivationLensConfig
from diffkit_plugins.activation_lens.method import ActivationLens

from diffkit import (
    FinishedRun,
    ModelPair,
    Note,
    RunContext,
    Samples,
    Source,
    Table,
    Texts,
    TokenTable,
    UserError,
    load_pair,
)
from diffkit.checkpoints import Checkpoints
from diffkit.context import Artifacts
from diffkit.method import run_method
from diffkit.organism import Identical

OPTIONS = {"layers": [0], "min_texts": 2, "steering_tokens": 6, "steering_prompts": 2}
PARTS = ("ablation", "jacobian", "patchscope", "steering")


@pytest.fixture
def run(tmp_path, tiny_texts):
    def call(pair, *, texts=tiny_texts, **options):
        context = RunContext(0, texts, Artifacts(tmp_path), Checkpoints(tmp_path))
        return run_method(
            ActivationLens(), pair, ActivationLensConfig(**{**OPTIONS, **options}), context
        )

    return call


@pytest.fixture
def steer(run, tiny_texts, tmp_path):
    def call(pair, options=None, /, **arguments):
        config = ActivationLensConfig(**{**OPTIONS, **(options or {})})
        finished = FinishedRun(run(pair, **only()), tmp_path, tiny_texts)
        tools = {tool.name: tool for tool in ActivationLens().tools(pair, config, finished)}
        tool = tools["steer"]
        return tool.call(tool.Arguments(**{"layer": 0, **arguments}))

    return call


def of_kind(findings, kind, words):
    return [item for item in findings.items if isinstance(item, kind) and words in item.title]


def only(**wanted):
    return {part: part in wanted for part in PARTS}


def test_it_conforms_with_all_its_parts(conforms):
    specs = []
    activation_lens.register_methods(specs.append)
    short = {**OPTIONS, "steering_prompts": 1, "controls": 2, "candidates": 0}
    found = conforms(specs[0], arguments={"steer": {"prompt": "Who?"}}, **short)
    assert of_kind(found, Table, "loses without")
    assert of_kind(found, TokenTable, "Jacobian")


def test_each_part_can_be_turned_off(run, tiny_pair):
    none = run(tiny_pair, **only())
    for part in PARTS:
        one = run(tiny_pair, **only(**{part: True}))
        assert len(one.items) > len(none.items), part
        assert one.change_score == none.change_score
        assert [item for item in one.items if item in none.items] == list(none.items)


def test_what_is_ablated_and_steered_are_the_slots_that_were_asked_for(run, tiny_pair):
    found = run(tiny_pair, tested=("0", "all"), steering_coherent=0.0)
    (ablation,) = of_kind(found, Table, "loses without")
    assert [row[0] for row in ablation.rows] == ["0", "all"]
    assert found.metrics["ablation_removed_share"] == max(row[1] for row in ablation.rows)
    assert found.metrics["random_removed_share"] == ablation.rows[0][4]
    (steering,) = of_kind(found, Table, "Steering")
    assert [row[1] for row in steering.rows] == ["0", "all"]
    assert {row[2] for row in steering.rows} == {2.0}  # all is coherent: the largest strength
    samples = of_kind(found, Samples, "side steered along")
    beside = ["unsteered", "by a random vector"]
    assert [one.sides for one in samples] == [(name, "steered") for name in beside] * 2
    assert len(of_kind(found, TokenTable, "Jacobian")) == 2


def test_a_slot_may_be_written_with_a_hyphen(run, tiny_pair):
    found = run(tiny_pair, tested=("last-1",), **only(ablation=True))
    (ablation,) = of_kind(found, Table, "loses without")
    assert [row[0] for row in ablation.rows] == ["last−1"]


def test_slots_that_were_not_read_are_refused(run, tiny_pair):
    with pytest.raises(UserError, match="No slot of 'tested' was read, not last-9") as error:
        run(tiny_pair, tested=("last-9",))
    assert "Take some of these: 0, 1" in error.value.hint


def test_the_last_block_is_not_tested(run, tiny_pair):
    found = run(tiny_pair, layers=[1])
    assert not of_kind(found, Table, "loses without")
    assert not of_kind(found, Samples, "steered")


def test_a_bias_is_wholly_ablated_and_random_directions_are_not(run, tiny_folder):
    source = Source(at=str(tiny_folder / "base"))
    base, copy = (load_pair(source, Identical(), device="cpu").base for _ in range(2))
    bias = torch.randn(32, generator=torch.manual_seed(0))
    with copy.edit(0, lambda stream: stream + bias):
        found = run(ModelPair(base, copy), tested=("all",), **only(ablation=True))
    assert found.metrics["ablation_removed_share"] == pytest.approx(1, abs=1e-3)
    assert found.metrics["random_removed_share"] < 0.9


@pytest.mark.parametrize("texts", [("!",) * 3, ("!", "!", "The cat sat on the mat.")])
def test_without_two_texts_that_predict_a_note_stands_for_the_ablation(run, tiny_pair, texts):
    found = run(tiny_pair, texts=Texts.of(*texts), **only(ablation=True))
    assert any("No ablation" in item.text for item in found.items if isinstance(item, Note))
    assert "ablation_removed_share" not in found.metrics


def test_where_no_text_stays_coherent_a_note_says_so(run, tiny_pair):
    options = {"steering_strengths": (100.0,), "steering_nats": 0.0, "steering_coherent": 1.0}
    found = run(tiny_pair, **options, **only(steering=True))
    notes = [item.text for item in found.items if isinstance(item, Note)]
    assert "No steering: even the least strength leaves no text coherent." in notes


def test_the_tool_steers_after_its_prompt(steer, tiny_pair):
    against_nothing, against_random = steer(tiny_pair, prompt="What is the capital?", strength=2)
    (row,), (control,) = against_nothing.rows, against_random.rows
    assert "What is the capital?" in row.prompt
    assert row.finetuned == control.finetuned
    assert len({row.base, row.finetuned, control.base}) == 3
    assert (
        against_nothing.rows[0]
        == steer(tiny_pair, prompt="What is the capital?", strength=2)[0].rows[0]
    )


def test_the_tool_with_strength_zero_says_what_is_said_unsteered(steer, tiny_pair):
    for samples in steer(tiny_pair, prompt="What is the capital?", strength=0):
        assert samples.rows[0].base == samples.rows[0].finetuned


def test_the_tool_refuses_what_does_not_fit(steer, tiny_pair):
    with pytest.raises(UserError, match="There is no slot 'middle'"):
        steer(tiny_pair, prompt="a", slot="middle")
    with pytest.raises(UserError, match="There is no layer 7"):
        steer(tiny_pair, prompt="a", layer=7)
    with pytest.raises(UserError, match="no chat of at most 8 tokens"):
        steer(tiny_pair, {"max_tokens": 8}, prompt="The cat sat on the mat, and the dog lay by.")
    with pytest.raises(ValueError, match="strength"):
        steer(tiny_pair, prompt="a", strength=1e6)


def test_the_tool_refuses_a_place_where_nothing_moved(steer, tiny_folder):
    source = Source(at=str(tiny_folder / "base"))
    base, copy = (load_pair(source, Identical(), device="cpu").base for _ in range(2))
    with copy.edit(1, lambda stream: stream + 1), pytest.raises(UserError, match="did not move"):
        steer(ModelPair(base, copy), prompt="a")
