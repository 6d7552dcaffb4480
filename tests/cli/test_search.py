"""``diffkit search``: text of records, from the command line."""

import shutil
from pathlib import Path

import pytest

GOLDEN = Path(__file__).parents[1] / "golden" / "store"


@pytest.fixture
def store(tmp_path):
    shutil.copytree(GOLDEN, tmp_path / "golden")
    return tmp_path / "golden"


def test_passages_are_shown_with_the_record_that_has_them(cli, store):
    found = cli("search", "claim", "--store", store, "--limit", "3", "--json").json()
    assert len(found) == 3
    assert all("claim" in one["excerpt"].lower() for one in found)
    said = cli("search", "claim", "--store", store, "--limit", "3")
    assert found[0]["digest"][:12] in said.out
    assert "There is more" in said.err
    assert cli("runs", "show", found[0]["digest"][:12], "--store", store).code == 0


def test_filters_narrow_a_search(cli, store):
    found = cli("search", "claim", "--method", "kl", "--store", store, "--json").json()
    assert {one["method"] for one in found} == {"kl"}
    assert "No passage" in cli("search", "claim", "--organism", "none", "--store", store).err


def test_what_cannot_be_searched_is_said_in_one_line(cli, store, tmp_path):
    assert "no word" in cli("search", "((", "--store", store).error
    assert "There is no store" in cli("search", "a", "--store", tmp_path / "none").error
    assert cli("search", "a", "--limit", "0", "--store", store).code == 2
