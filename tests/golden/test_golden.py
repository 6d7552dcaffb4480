"""What must not change without a raised version: keys, prompts, tables, the leaderboard's fields.

A change here is a change that stores on disk and paid answers notice. A version that is raised
edits exactly its own lines of ``golden.json`` (``write.py`` writes them), and says so.
"""

import json
import shutil
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))

import facade
import values

GOLDEN = json.loads((values.HERE / "golden.json").read_text(encoding="utf-8"))
CODE = ("component", "run", "tool", "prompt", "world", "table")


def differing(found):
    """Names whose values are not the golden ones, with both."""
    return {name: (GOLDEN.get(name), one) for name, one in found.items() if one != GOLDEN.get(name)}


@pytest.fixture
def store(tmp_path, monkeypatch):
    """A copy of the frozen store; nothing can be asked at the endpoint that answered then."""
    url = (values.STORE / "endpoint.txt").read_text().strip()
    monkeypatch.setenv("OPENAI_BASE_URL", url)
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    monkeypatch.delenv("DIFFKIT_STORE", raising=False)
    monkeypatch.chdir(tmp_path)
    return values.copy_of_store(tmp_path)


def evaluate(store):
    """Carries the golden evaluations out again; returns what the program says."""
    said = ""
    for suite in ("lineup", "agent"):
        code, out, err = facade.call(
            "--store", store, "evaluate", values.HERE / f"{suite}.yaml", "--yes"
        )
        assert code == 0, out + err
        said += err
    return said


def test_what_follows_from_the_code_is_as_it_was():
    found = dict(values.of_code())
    expected = {name for name in GOLDEN if name.split()[0] in CODE}
    assert expected - set(found) == set()
    assert differing(found) == {}


def test_the_keys_of_runs_attempts_and_grades_are_as_they_were(store):
    shutil.rmtree(store / "evaluations")
    said = evaluate(store)
    assert "computed" not in said
    assert differing(dict(values.of_store(store))) == {}


@pytest.mark.slow
def test_attempts_are_made_again_from_kept_answers(store):
    before = [json.loads(file.read_text()) for file in files(store)]
    shutil.rmtree(store / "attempts")
    evaluate(store)
    assert differing(dict(values.of_store(store))) == {}
    unkept = {"seconds", "usage"}  # what was remembered costs nothing
    after = [json.loads(file.read_text()) for file in files(store)]
    for then, now in zip(before, after, strict=True):
        assert {k: v for k, v in now.items() if k not in unkept} == {
            k: v for k, v in then.items() if k not in unkept
        }


def files(store):
    return sorted((store / "attempts").glob("*/attempt.json"))


@pytest.mark.slow
def test_language_models_grades_are_made_again_from_kept_answers(store):
    kept = {}
    for file in sorted((store / "grades").glob("*/grade.json")):
        if (file.parent / "transcript.jsonl").is_file():
            kept[file] = json.loads(file.read_text())
            shutil.rmtree(file.parent)
    assert kept
    evaluate(store)
    assert differing(dict(values.of_store(store))) == {}
    for file, grade in kept.items():
        now = json.loads(file.read_text())
        assert {**now, "usage": None} == {**grade, "usage": None}


def test_the_leaderboards_have_the_fields_and_values_that_they_had(store):
    golden = json.loads((values.HERE / "leaderboards.json").read_text(encoding="utf-8"))
    alike(values.boards(store), golden, "")


def alike(found, golden, where):
    """Asserts that two JSON values are the same but for the last bits of floats."""
    if isinstance(golden, dict):
        assert list(found) == list(golden), where
        for key, one in golden.items():
            alike(found[key], one, f"{where}.{key}")
    elif isinstance(golden, list):
        assert len(found) == len(golden), where
        for number, one in enumerate(golden):
            alike(found[number], one, f"{where}[{number}]")
    elif isinstance(golden, float):
        assert found == pytest.approx(golden, rel=1e-9, abs=1e-12), where
    else:
        assert found == golden, where
