"""What the program exports."""

import sys
from pathlib import Path

import pytest
from dk_evaluated import KEYS, evaluate

from diffkit.chat.transcript import TRANSCRIPT_FILE

STORE = Path("diffkit-runs")


@pytest.fixture
def evaluated(cli):
    """The program, with an evaluation in its store."""
    evaluate(STORE)
    return cli


def test_an_evaluation_is_named_and_one_that_is_not_there_is_a_mistake(evaluated):
    assert evaluated("export", "inspect", "zoo").code == 0
    assert len(list(Path("inspect-logs").glob("*.eval"))) == 3
    assert "no evaluation 'zo'" in evaluated("export", "inspect", "zo").error


def test_the_truths_of_organisms_are_targets(evaluated):
    from inspect_ai.log import read_eval_log

    assert evaluated("export", "inspect", "--out", "logs").code == 0
    logs = [read_eval_log(str(path)) for path in Path("logs").glob("*agent*.eval")]
    targets = {one.target for log in logs for one in log.samples}
    assert targets == {"It sings of birds.", "Nothing targeted was done (unspecific)."}
    assert evaluated("export", "inspect", "--blind", "--out", "blind").code == 0
    (path,) = Path("blind").glob("*.eval")
    assert {one.target for one in read_eval_log(str(path)).samples} == {""}


def test_a_folder_that_cannot_be_written_is_one_line(evaluated):
    Path("file").write_text("")
    assert (
        "cannot be written to file/logs"
        in evaluated("export", "inspect", "--out", "file/logs").error
    )


def test_without_the_extra_its_name_is_told(evaluated, monkeypatch):
    monkeypatch.setitem(sys.modules, "inspect_ai.log", None)
    for name in [name for name in sys.modules if name.startswith("diffkit.export.inspect")]:
        monkeypatch.delitem(sys.modules, name)
    said = evaluated("export", "inspect")
    assert said.code == 2
    assert "pip install 'diffkit[inspect]'" in said.error


@pytest.mark.parametrize("damage", [b"{", b'{"kind": "remark", "text": "\xc3', b"{}\n"])
def test_a_damaged_transcript_is_a_warning_and_a_sample_without_messages(evaluated, damage):
    from inspect_ai.log import read_eval_log

    (STORE / "attempts" / KEYS["r0"] / TRANSCRIPT_FILE).write_bytes(damage)
    said = evaluated("export", "inspect")
    assert said.code == 0
    assert f"{TRANSCRIPT_FILE}:1 is damaged. Its sample has no messages." in said.err
    logs = [read_eval_log(str(path)) for path in Path("inspect-logs").glob("*.eval")]
    samples = {one.metadata["attempt"]: one for log in logs for one in log.samples}
    assert samples.keys() == set(KEYS.values())
    broken, whole = samples[KEYS["r0"]], samples[KEYS["r1"]]
    assert (broken.messages, broken.input) == ([], "(the transcript is lost)")
    assert broken.scores["rubric"].value == 0.5
    assert whole.messages
    assert samples[KEYS["bare"]].input == "(no language model was asked)"
    assert evaluated("export", "inspect", "--blind", "--out", "blind").code == 0


def test_a_damaged_attempt_is_one_line(evaluated):
    (STORE / "attempts" / KEYS["r0"] / "attempt.json").write_text("{")
    assert "is missing or damaged" in evaluated("export", "inspect").error
