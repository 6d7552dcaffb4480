"""Options that name code: known by its source, and loaded by its path."""

import hashlib
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from diffkit import ImportPath, MethodConfig, UserError, load_import_path
from diffkit.cli.option_table import describe_fields
from diffkit.options.validation import parse_settings, validate_options
from diffkit.registry.specs import Spec

SOURCE = "def good():\n    return 1\n"


class Optimised(MethodConfig):
    """Options with code of one's own."""

    optimiser: ImportPath = ImportPath("quick")
    """A name, or a path."""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    Path("own_code.py").write_text(SOURCE)
    yield tmp_path
    sys.modules.pop("own_code", None)


def load(path):
    return load_import_path(path, noun="optimiser", form="module:Class", known=("quick", "slow"))


def test_a_name_is_stored_as_it_is():
    assert Optimised().model_dump(mode="json") == {"optimiser": "quick"}
    assert describe_fields(Optimised)[0]["default"] == "quick"


def test_a_path_is_stored_with_the_digest_of_its_source():
    digest = hashlib.sha256(SOURCE.encode()).hexdigest()
    one = Optimised(optimiser="own_code:good")
    assert one.optimiser == "own_code:good"
    assert one.model_dump(mode="json") == {"optimiser": f"own_code:good@sha256:{digest}"}
    again = Optimised.model_validate_json(one.model_dump_json())
    assert (again.optimiser, again.optimiser.digest) == ("own_code:good", digest)
    assert load(again.optimiser)() == 1


def test_edited_code_is_another_run_and_is_not_loaded_for_the_old_one():
    before = Optimised(optimiser="own_code:good")
    Path("own_code.py").write_text(SOURCE.replace("1", "2"))
    after = Optimised(optimiser="own_code:good")
    assert before.model_dump_json() != after.model_dump_json()
    with pytest.raises(UserError, match="'own_code:good' is not the one"):
        load(before.optimiser)
    assert load(after.optimiser)() == 2


def test_code_that_was_loaded_and_then_edited_is_not_taken_for_the_new_one():
    assert load(Optimised(optimiser="own_code:good").optimiser)() == 1
    Path("own_code.py").write_text(SOURCE.replace("1", "2"))
    with pytest.raises(UserError, match="'own_code:good' was edited after") as raised:
        load(Optimised(optimiser="own_code:good").optimiser)
    assert "Start Python anew" in raised.value.hint


def test_what_leads_nowhere_is_told_when_it_is_loaded():
    Path("broken.py").write_text("import os\n\nos.nothing\n")
    for path, words, hint in (
        ("quik", "no optimiser 'quik'", "Take one of quick, slow"),
        ("no_such:good", "'no_such:good' cannot be imported", "PYTHONPATH=."),
        ("own_code:bad", "'own_code:bad' is not in its module", "help(own_code)"),
        ("broken:good", "no attribute 'nothing'", "PYTHONPATH=."),
        ("no_such.inner:good", "cannot be imported", "PYTHONPATH=."),
    ):
        given = Optimised(optimiser=path).optimiser
        assert bool(given.digest) == path.startswith(("own_code", "broken"))
        with pytest.raises(UserError, match=words) as raised:
            load(given)
        assert hint in raised.value.hint


def test_what_is_typed_is_text_and_nothing_else_is():
    spec = Spec(
        name="m", summary="s", config=f"{__name__}:Optimised", implementation="m:M", version=1
    )
    typed = parse_settings(["optimiser=own_code:good"], Optimised)
    assert validate_options(spec, typed).optimiser == "own_code:good"
    with pytest.raises(ValidationError, match="a name, or an import path"):
        Optimised(optimiser=3)
