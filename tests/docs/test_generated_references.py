"""The pages of the Python API and of the YAML files leave nothing out."""

import re
from pathlib import Path

import pytest

import diffkit
import diffkit.analysis
import diffkit.testing
from diffkit.evaluation.suite import Suite
from diffkit.organism import BaseModelEntry, Organism
from diffkit.training import Recipe

PAGES = Path(__file__).parents[2] / "docs" / "reference"
API = (PAGES / "python-api.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("package", [diffkit, diffkit.analysis, diffkit.testing])
def test_every_public_name_has_a_heading(package):
    headings = set(re.findall(r"^### `(\w+)`", API, re.MULTILINE))
    assert set(package.__all__) <= headings


def test_names_have_signatures_and_docstrings():
    entry = API.partition("### `conforms`")[2].partition("\n### ")[0]
    assert "def conforms(" in entry
    assert "checks the requirements" in entry
    assert "#### `RunContext.batches`" in API


@pytest.mark.parametrize(
    ("page", "model"),
    [
        ("organism-files.md", Organism),
        ("base-files.md", BaseModelEntry),
        ("recipe-files.md", Recipe),
        ("suite-files.md", Suite),
    ],
)
def test_every_field_of_a_file_has_a_row(page, model):
    text = (PAGES / page).read_text(encoding="utf-8")
    rows = set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE))
    assert {name for name, field in model.model_fields.items() if not field.exclude} <= rows


def test_rows_say_type_default_and_meaning():
    text = (PAGES / "organism-files.md").read_text(encoding="utf-8")
    row = "| `max_new_tokens` | integer, ≥ 1 | `32` | Greatest length of an answer, in tokens. It"
    assert row in text
