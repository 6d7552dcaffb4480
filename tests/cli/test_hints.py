"""Names and options in the wrong place: the hint is a command, and the command works."""

import re
import shlex
from pathlib import Path

import pytest


def corrected(cli, *args):
    """Types a wrong command and then the one that its error names; gives both errors' words."""
    said = cli(*args)
    assert said.code == 2
    found = re.search(r"Try: diffkit (.*)$", said.error)
    assert found, said.error
    again = cli(*shlex.split(found[1]))
    assert again.code == 0, again.err
    return found[1]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("run echo birds", "run echo --organism birds"),
        ("run birds --organism echo", "run echo --organism birds"),
        ("run echo --base mini --finetuned birds", "run echo --organism birds"),
        ("run echo --base birds --finetuned x", "run echo --organism birds"),
        ("run echo --organism birds --steps 5", "run echo --organism birds --set steps=5"),
        ("run echo --organism birds --steps=5", "run echo --organism birds --set steps=5"),
        ("organisms show echo", "methods echo"),
        ("methods birds", "organisms show birds"),
        ("run strict --organism birds", "graders strict"),
        (
            "evaluate --organisms 'birds same' --methods echo",
            "evaluate --organisms birds,same --methods echo",
        ),
        (
            "evaluate --organisms birds,same --methods echo --steps 2",
            "evaluate --organisms birds,same --methods echo --set methods.echo.steps=2",
        ),
    ],
)
def test_the_hint_is_the_command_that_was_meant(cli, typed, meant):
    assert corrected(cli, *shlex.split(typed)) == meant


def test_an_organism_in_place_of_a_method(cli):
    said = cli("run", "birds")
    assert (said.code, said.error.endswith("Try: diffkit run kl --organism birds")) == (2, True)


def test_a_kind_left_out_of_a_setting(cli):
    evaluate = ("evaluate", "--organisms", "birds,same", "--methods", "echo")
    said = cli(*evaluate, "--set", "echo.steps=2")
    assert said.error.endswith("Try: --set methods.echo.steps=2")
    assert cli(*evaluate, "--set", "methods.echo.steps=2").code == 0


def test_a_name_in_other_letters_and_an_unknown_variant(cli):
    assert "Did you mean 'echo'?" in cli("run", "ECHO", "--organism", "birds").error
    said = cli("run", "echo", "--organism", "birds", "--variant", "zzz")
    assert said.error.endswith("named 'zzz'. There are: default.")


def test_an_unknown_field_of_a_text_lists_the_fields(cli):
    Path("t.jsonl").write_text('{"body": "a"}\n')
    said = cli("run", "echo", "--organism", "birds", "--texts", "t.jsonl")
    assert "needs either 'text' or 'messages', and has body." in said.error


def test_a_device_that_is_not_there_is_refused_although_the_run_is_stored(cli, monkeypatch):
    import torch

    run = ("run", "echo", "--organism", "birds")
    assert cli(*run).code == 0
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    for device in ("cuda:99", "tpux"):
        for command in (
            run,
            ("ask", "echo", "--organism", "birds"),
            ("organisms", "check"),
            ("demo",),
            ("evaluate", "--organisms", "birds", "--methods", "echo"),
        ):
            said = cli(*command, "--device", device)
            assert (said.code, f"The device {device!r} cannot be used" in said.error) == (2, True)
    assert cli(*run, "--device", "cpu").code == 0
