"""Looking closer agrees with the run, and says what there is where it cannot."""

import pytest
from diffkit_plugins.activation_lens.config import ActivationLensConfig
from diffkit_plugins.activation_lens.method import ActivationLens
from pydantic import ValidationError

from diffkit import FinishedRun, RunContext, Table, TokenTable, UserError
from diffkit.checkpoints import Checkpoints
from diffkit.context import Artifacts

READING = {"ablation": False, "steering": False, "jacobian": False, "patchscope": False}
CONFIG = ActivationLensConfig(min_texts=2, layers=[1], tokens=400, folds=5, **READING)


@pytest.fixture
def finished(tiny_pair, tiny_texts, tmp_path):
    kept = Artifacts(tmp_path), Checkpoints(tmp_path)
    findings = ActivationLens().run(tiny_pair, CONFIG, RunContext(0, tiny_texts, *kept))
    return FinishedRun(findings, tmp_path, tiny_texts)


@pytest.fixture
def look(tiny_pair, finished):
    tools = {tool.name: tool for tool in ActivationLens().tools(tiny_pair, CONFIG, finished)}
    tool = tools["look"]
    return lambda **arguments: tool.call(tool.Arguments(**arguments))


def rows(findings, slot):
    summary = next(item for item in findings if isinstance(item, Table))
    return [row for row in summary.rows if row[1] == slot]


@pytest.mark.parametrize("slot", ["0", "2", "last", "last−1", "all"])
def test_it_says_what_the_run_said_of_the_same_place(look, finished, slot):
    seen = look(layer=1, slot=slot, tokens=400)
    assert rows(seen, slot) == rows(finished.findings.items, slot)
    tables = [t for t in finished.findings.items if isinstance(t, TokenTable)]
    same = [table for table in tables if f"slot {slot} " in table.title]
    assert [item for item in seen if isinstance(item, TokenTable) and item.rows] == same


def test_it_reads_what_the_run_did_not(look):
    (row,) = rows(look(layer=0, slot="last-6"), "last−6")
    assert row[0] == 0
    assert rows(look(layer=0.0, slot="9"), "9")


def test_asking_twice_is_answered_twice_alike(look):
    assert look(slot="1") == look(slot="1")


def test_it_shows_as_many_tokens_as_asked_for(look):
    tables = [i for i in look(layer=1, slot="0", tokens=3) if isinstance(i, TokenTable)]
    assert len(tables) == 1
    assert len(tables[0].rows) <= 3


def test_a_name_that_is_no_slot_is_told_what_slots_are_called(look):
    with pytest.raises(UserError, match="There is no slot 'answer'") as error:
        look(slot="answer")
    assert "answer+0" in error.value.hint


def test_a_slot_that_too_few_texts_reach_is_told_what_the_run_looked_at(look):
    with pytest.raises(UserError, match=r"1 texts reach slot 'answer\+0', fewer than 2") as error:
        look(slot="answer+0")
    assert "0, 1, 2, 3, 4, last" in error.value.hint


def test_a_layer_that_is_not_there_is_told_which_there_are(look):
    with pytest.raises(UserError, match="There is no layer 2") as error:
        look(layer=2)
    assert "0 to 1" in error.value.hint


@pytest.mark.parametrize("arguments", [{"tokens": 0}, {"tokens": 1_001}, {"slots": "all"}])
def test_arguments_have_bounds_and_no_other_names(look, arguments):
    with pytest.raises(ValidationError):
        look(**arguments)
