"""`compare`: the run of the command line, from a program."""

import sys

import pytest

import diffkit
from diffkit.errors import BadOption, UnknownName, UserError

TEXTS = '{"text": "The cat sat on the mat."}\n{"text": "Dogs dig holes."}\n'


@pytest.fixture
def models(tiny_folder, tmp_path, monkeypatch):
    """Base, adapter and texts, with a store beside them."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DIFFKIT_STORE", "store")
    (tmp_path / "texts.jsonl").write_text(TEXTS)
    return str(tiny_folder / "base"), str(tiny_folder / "adapter")


def test_it_is_the_run_of_the_command_line(models, monkeypatch, capsys):
    from diffkit.cli import main

    base, adapter = models
    run = diffkit.compare(base, adapter, method="kl", texts="texts.jsonl", options={"tokens": 3})
    assert run.findings.change_score == run.manifest.change_score
    assert run.manifest.change_score > 0
    words = f"run kl --base {base} --finetuned {adapter} --texts texts.jsonl --set tokens=3".split()
    monkeypatch.setattr(sys, "argv", ["diffkit", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code
    assert f"Run {run.manifest.digest[:12]} was found" in capsys.readouterr().err
    given = diffkit.Texts.of("The cat sat on the mat.", "Dogs dig holes.")
    again = diffkit.compare(base, adapter, method="kl", texts=given, options={"tokens": 3})
    assert again.manifest.started == run.manifest.started  # found, not made again
    (listed,) = diffkit.open_store().runs(method="kl")
    assert listed.manifest.digest == run.manifest.digest


def test_what_does_not_fit_is_refused_before_models_are_loaded(models):
    base, adapter = models
    with pytest.raises(UnknownName, match="kk"):
        diffkit.compare(base, adapter, method="kk")
    with pytest.raises(BadOption, match="colour"):
        diffkit.compare(base, adapter, method="kl", options={"colour": "red"})
    with pytest.raises(UnknownName, match="number format"):
        diffkit.compare(base, adapter, method="kl", dtype="float7")
    with pytest.raises(UnknownName, match="preset"):
        diffkit.compare(base, adapter, method="kl", preset="huge")
    with pytest.raises(UserError, match="looks at one model"):
        diffkit.compare(base, adapter, method="steering-prefix-study")
    with pytest.raises(UserError, match="is an organism"):
        diffkit.compare(base, "tiny-trojan", method="kl")
    with pytest.raises(UserError, match="nowhere"):
        diffkit.compare(base, "./nowhere", method="kl")
    with pytest.raises(UserError, match="none"):
        diffkit.compare(base, adapter, method="kl", texts="none.jsonl")
