"""Organisms that do not do what their truth says are kept out of evaluations."""

import json
from pathlib import Path

import pytest

EVALUATE = ("evaluate", "--methods", "echo", "--controls", "none", "--organisms")
ALWAYS = "{contains: ['']}"


@pytest.fixture
def probed(world, tmp_path):
    """Writes the birds with probes that ask for ``words``."""

    def write(words, name="birds"):
        path = tmp_path / f"{name}.yaml"
        text = (world / "organisms" / "birds.yaml").read_text().replace("..", str(world))
        probes = f"probes: {{prompts: [One cat], chat: false, at_most: 1, check: {words}}}\n"
        path.write_text(text.replace("name: birds", f"name: {name}") + probes)
        return path

    return write


def test_inert_organisms_are_refused_before_anything_is_run(cli, stranger, probed):
    paths = [probed("{contains: [no model says this]}", name) for name in ("mute", "still")]
    loud = probed(ALWAYS, "loud")
    said = cli(*EVALUATE, f"{paths[0]},{paths[1]},{loud},same")
    assert said.code == 2
    assert "2 pairs fail the expression gate: mute / default (0/1 show it, ≥ 0.9" in said.error
    assert "still / default" in said.error
    assert "loud" not in said.error
    assert "`diffkit organisms check mute still`; or let them through: --allow-inert" in said.error
    assert stranger.lines() == []
    said = cli(*EVALUATE, f"{paths[0]},same", "--allow-inert")
    assert said.code == 0, said.err
    assert "warning: 1 pair fails the expression gate: mute / default" in said.err
    assert "mute / default (0/1 show it" in notes()


def test_an_organism_without_probes_is_untested_and_let_through(cli, probed):
    said = cli(*EVALUATE, f"ships,{probed(ALWAYS)},same,noise")
    assert said.code == 0, said.err
    assert notes() == "Whether these do what their truth says was not tested: ships."


def test_a_device_that_is_not_there_is_one_line(cli, stranger, probed):
    said = cli(*EVALUATE, probed(ALWAYS), "--device", "tpux")
    assert (said.code, "The device 'tpux' cannot be used here. Take cpu" in said.error) == (2, True)
    assert stranger.lines() == []


def notes():
    record = json.loads(Path("diffkit-runs/evaluations/evaluation.json").read_text())
    return " ".join(record["notes"])
