"""Studies: one model, the same store, the same keys, no change score."""

import json
import shutil
from pathlib import Path

import pytest


@pytest.fixture
def own(stranger, world, tmp_path, monkeypatch):
    """A copy of the world that a test may change."""
    folder = tmp_path / "world"
    shutil.copytree(world, folder)
    monkeypatch.setenv("DK_WORLD", str(folder))
    return folder


def runs(cli):
    return [run for run in cli("runs", "list", "--json").json() if run["status"] == "finished"]


def test_a_study_runs_on_a_listed_base_or_a_folder(cli, own):
    said = cli("run", "survey", "--base", "mini")
    assert said.code == 0, said.err
    assert "2 layers, 2 texts" in said.out
    assert "study" in said.out
    assert "change score" not in said.out
    folder = own / "weights" / "base"
    texts = ("--texts", own / "texts.jsonl")
    assert "was found in the store" in cli("run", "survey", "--base", folder, *texts).err
    (run,) = runs(cli)
    assert run["identity"]["finetuned"] is None
    assert run["change_score"] is None
    short = run["digest"][:12]
    assert "2 layers" in cli("runs", "show", short).out
    assert cli("report", short, "--out", "study.html").code == 0
    page = Path("study.html").read_text()
    assert "by the study" in page
    assert "change score" not in page
    assert "2 layers, 2 texts" in page


def test_what_decides_a_study_is_in_its_key(cli, own):
    def count(*args):
        said = cli("run", "survey", "--base", "mini", *args)
        assert said.code == 0, said.err
        return len(runs(cli))

    assert count() == 1
    assert count("--seed", 1) == 2
    assert count("--set", "steps=3") == 3
    assert count("--dtype", "bfloat16") == 4
    assert count("--texts-limit", 1) == 5
    assert count("--texts-limit", 2) == 5
    template = own / "weights" / "base" / "chat_template.jinja"
    template.write_text(template.read_text() + " ")
    assert count() == 6


def test_a_study_is_no_pair_of_a_model_and_itself(cli):
    cli("run", "survey", "--base", "mini")
    cli("run", "echo", "--organism", "same")
    study, pair = (run["identity"] for run in runs(cli))
    assert study["base"] == pair["base"] == pair["finetuned"]
    assert study["finetuned"] is None
    assert study["tokenizer"] != pair["tokenizer"]


def test_an_interrupted_study_goes_on(cli):
    said = cli("run", "survey", "--base", "mini", "--set", "steps=4", "--set", "fail_at=3")
    assert said.code == 1
    assert "The study 'survey' failed: ArithmeticError: no good. Its traceback is" in said.error
    said = cli("run", "survey", "--base", "mini", "--set", "steps=4")
    assert said.code == 0
    (run,) = runs(cli)
    assert run["resumed"]
    cli("run", "survey", "--base", "mini", "--set", "steps=4", "--store", "other")
    totals = {
        json.loads(path.read_text())["metrics"]["total"]
        for path in Path().glob("*/runs/*/findings.json")
    }
    assert len(totals) == 1


def test_a_study_with_a_change_score_is_refused(cli):
    said = cli("run", "survey", "--base", "mini", "--set", "score=1")
    assert said.code == 1
    assert "The study 'survey' failed: TypeError: a study of one model has no change score" in (
        said.error
    )


PLUGIN = """
from diffkit import DiffingMethod, MethodConfig, Spec, Study, hookimpl

class Options(MethodConfig):
    "None."

class Pair(DiffingMethod[Options]):
    def run(self, pair, config, context): raise AssertionError

class One(Study[Options]):
    def run(self, model, config, context): raise AssertionError

@hookimpl
def register_methods(register):
    register(Spec("not-a-study", "x", 1, "dk_mixed:Options", "dk_mixed:Pair", subject="model"))
    register(Spec("not-a-method", "x", 1, "dk_mixed:Options", "dk_mixed:One"))
"""


def test_an_implementation_of_another_subject_is_one_line(cli, tmp_path, monkeypatch):
    from dk_fixtures import add_metadata

    (tmp_path / "dk_mixed.py").write_text(PLUGIN)
    add_metadata(tmp_path, "dk_mixed", "mixed")
    monkeypatch.syspath_prepend(str(tmp_path))
    said = cli("run", "not-a-study", "--base", "mini")
    assert said.code == 1
    assert "The study 'not-a-study' is no Study (dk_mixed:Pair). Ask the plugin's" in said.error
    said = cli("run", "not-a-method", "--organism", "birds")
    assert "The method 'not-a-method' is no DiffingMethod (dk_mixed:One)." in said.error


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["run", "survey"], "'survey' looks at one model, given by --base alone. Try: diffkit "),
        (["run", "survey", "--organism", "birds"], "Try: diffkit run survey --base mini"),
        (["run", "survey", "--base", "x", "--finetuned", "y"], "diffkit run survey --base x"),
        (["run", "echo", "--base", "mini"], "Try: diffkit run echo --base mini --finetuned MODEL"),
        (
            ["evaluate", "--organisms", "birds", "--methods", "echo,survey"],
            "'survey' is a study of one model: it cannot be evaluated. "
            "Run it by itself: diffkit run survey --base MODEL",
        ),
        (["ask", "survey", "--base", "mini"], "The study 'survey' has no tools."),
        (
            ["run", "echo", "--base", "mini", "--finetuned", "mini", "--variant", "loud"],
            "--variant loud is one of an organism's, and no organism is given. Add --organism NAME",
        ),
    ],
)  # fmt: skip
def test_the_wrong_number_of_models_is_one_line_with_a_command(cli, args, words):
    said = cli(*args)
    assert said.code == 2
    assert words in said.error


def test_a_study_in_a_suite_is_refused_with_its_line(cli):
    Path("suite.yaml").write_text("organisms: [birds]\nmethods:\n  echo:\n  survey:\n")
    said = cli("evaluate", "suite.yaml")
    assert said.code == 2
    assert "suite.yaml:4: methods.survey: 'survey' is a study of one model" in said.error
