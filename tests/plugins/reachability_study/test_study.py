"""The whole study on a tiny random GPT-NeoX."""

import pytest
import torch
from diffkit_plugins.reachability_study.config import ReachabilityStudyConfig
from diffkit_plugins.reachability_study.study import ReachabilityStudy

from diffkit import Figure, Findings, Note, Table

ALL = ("1", "2a", "2b", "3", "4", "ffn")
KINDS = ("loss_curves.png", "final_mse_histogram.png", "cosine_by_position.png", "metrics.json")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("study")


@pytest.fixture(scope="module")
def findings(neox, context, tiny_study, folder):
    return ReachabilityStudy().run(neox, ReachabilityStudyConfig(**tiny_study), context(folder))


def tables(findings):
    return [item for item in findings.items if isinstance(item, Table)]


def column(table, name):
    return [row[table.columns.index(name)] for row in table.rows]


def test_every_output_of_the_design_is_there_and_every_picture_has_words(findings, folder):
    files = {path.name for path in (folder / "artifacts").iterdir()}
    assert {f"experiment_{one}.{kind}" for one in ALL for kind in KINDS} <= files
    assert {"summary.png", "experiment4_transition.png"} <= files
    figures = [item for item in findings.items if isinstance(item, Figure)]
    assert {figure.artifact for figure in figures} == {f for f in files if f.endswith(".png")}
    assert all(figure.text for figure in figures)


def test_findings_have_no_change_score_and_survive_json(findings):
    assert findings.change_score is None
    assert Findings.model_validate_json(findings.model_dump_json()) == findings


def test_every_condition_has_its_row_and_every_row_of_the_guide_its_answer(findings):
    guide, reached = tables(findings)
    assert len(guide.rows) == 11
    assert set(column(guide, "holds")) <= {"yes", "no"}
    names = column(reached, "condition")
    assert names[:3] == ["real", "matched", "raw"]
    assert names[3:7] == ["α = 0", "α = 0.5", "α = 1", "α = 1.5"]
    assert names[7:11] == ["f = 0", "f = 0.3", "f = 0.6", "f = 1"]
    assert names[11:] == [
        "real, no FFNs", "matched, no FFNs", "raw, no FFNs", "whole model's real, no FFNs"
    ]  # fmt: skip


def test_the_words_say_what_was_done_and_what_it_cannot_show(findings):
    notes = " ".join(item.text for item in findings.items if isinstance(item, Note))
    assert "Experiment 1 did not converge" in notes
    assert "Brouwer" in notes
    assert "Targets are after the final norm, 4 positions each; starts are N(0, 1)" in notes


@pytest.mark.slow
def test_the_same_seed_gives_the_same_findings_and_files(neox, context, tiny_study, tmp_path):
    config = ReachabilityStudyConfig(**{**tiny_study, "experiments": ("1",)})
    places = [tmp_path / "one", tmp_path / "other"]
    one, other = (ReachabilityStudy().run(neox, config, context(place)) for place in places)
    assert one == other
    for file in (places[0] / "artifacts").iterdir():
        assert file.read_bytes() == (places[1] / "artifacts" / file.name).read_bytes()


@pytest.mark.slow
def test_budgets_have_a_picture_and_solvers_a_table(neox, context, tiny_study, tmp_path):
    options = {"preset": "better", "experiments": ("1",), "budgets": (1.0, 2.0), "restarts": 2}
    config = ReachabilityStudyConfig(**{**tiny_study, **options, "discrete_targets": 2})
    found = ReachabilityStudy().run(neox, config, context(tmp_path))
    *_, beside = tables(found)
    assert column(beside, "solver") == [
        "Anderson", "Adam, norm ≤ 1", "Adam, norm ≤ 2", "real tokens"
    ]  # fmt: skip
    assert column(beside, "targets × restarts") == ["3 × 2"] * 3 + ["2 × 1"]
    assert (tmp_path / "artifacts" / "norm_budgets.png").is_file()


def test_weights_take_no_gradients_and_stay_as_they_were(neox, context, tiny_study, tmp_path):
    before = [weight.clone() for weight in neox.network.module.parameters()]
    config = ReachabilityStudyConfig(**{**tiny_study, "experiments": ("2b",)})
    ReachabilityStudy().run(neox, config, context(tmp_path))
    for old, new in zip(before, neox.network.module.parameters(), strict=True):
        assert torch.equal(old, new)
        assert new.grad is None
