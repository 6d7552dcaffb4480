"""Listing, reading and searching a store."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import diffkit
from diffkit.errors import StoreError, UserError
from diffkit.evaluation.leaderboard.build import build_leaderboard
from diffkit.evaluation.record import read_evaluation
from diffkit.runs.store import Store
from diffkit.verdict import Outcome

GOLDEN = Path(__file__).parents[1] / "golden" / "store"


def digests(listing):
    return [one.manifest.digest for one in listing]


def test_runs_are_listed_latest_first_and_by_what_they_compared(write):
    first, second = write.run(0), write.run(1, organism="salt")
    third = write.run(2, method="diff-mining")
    store = diffkit.open_store(write.folder)
    assert digests(store.runs()) == [third, second, first]
    assert digests(store.runs(method="kl")) == [second, first]
    assert digests(store.runs(organism="cake")) == [third, first]
    assert digests(store.runs(label="salt on tiny")) == [second]
    assert digests(store.runs(method="kl", organism="cake")) == [first]
    assert digests(store.runs(base="other")) == []
    assert len(store.runs(method="kl")) == 2


def test_a_listing_gives_single_records_slices_and_pages(write):
    made = [write.run(seed) for seed in range(5)][::-1]
    listing = diffkit.open_store(write.folder).runs()
    assert listing[0].manifest.digest == made[0]
    assert listing[-1].manifest.digest == made[-1]
    assert digests(listing[1:3]) == made[1:3]
    assert digests(listing[::2]) == made[::2]
    assert digests(listing[::-1]) == made[::-1]
    assert digests(listing.page(3, 10)) == made[3:]
    with pytest.raises(IndexError):
        listing[5]
    with pytest.raises(IndexError):
        listing[-6]


def test_attempts_and_grades_are_found_by_what_evaluations_say(write):
    run = write.run()
    write.attempt("a1", "It bakes cakes.")
    write.attempt("a2", "", Outcome.REFUSED)
    write.grade("g1")
    write.evaluation("e", run, "a1", "g1")
    store = diffkit.open_store(write.folder)
    assert {one.digest for one in store.attempts()} == {"a1", "a2"}
    for wanted in ({"organism": "cake"}, {"label": "cake on tiny"}, {"method": "kl"}):
        assert [one.digest for one in store.attempts(**wanted)] == ["a1"]
        assert [one.digest for one in store.grades(**wanted)] == ["g1"]
    assert [one.digest for one in store.attempts(outcome="refused")] == ["a2"]
    assert len(store.attempts(organism="salt")) == 0
    assert store.attempt("a1").places[0].evaluation == "e"
    assert store.attempt("a2").places == ()
    assert store.grade("g1").record.score == 1
    assert [one.name for one in store.evaluations()] == ["e"]
    assert store.evaluation().name == "e"


def test_what_is_new_and_what_is_gone_is_seen_at_once(write):
    first = write.run(0)
    store = diffkit.open_store(write.folder)
    assert digests(store.runs()) == [first]
    second = write.run(1)
    assert digests(store.runs()) == [second, first]
    write.store.remove([first])
    assert digests(store.runs()) == [second]
    write.attempt("a1", "claim")
    write.evaluation("e", second, "a1", "")
    assert [one.digest for one in store.attempts(organism="cake")] == ["a1"]
    write.evaluation("e", second, "a1", "", organism="salt")
    assert len(store.attempts(organism="cake")) == 0


def test_a_run_is_found_by_how_its_digest_begins(write):
    digest = write.run()
    store = diffkit.open_store(write.folder)
    assert store.run(digest[:8]).findings.change_score == 0.5
    for wrong in ("0000000", "../../etc", ""):
        with pytest.raises(UserError):
            store.run(wrong)


def test_a_search_finds_samples_tables_claims_and_reasons(write):
    run = write.run(words="A zebra bakes a café gâteau.")
    write.attempt("a1", "It loves zebra crossings.")
    write.grade("g1", "The zebra is right.")
    write.evaluation("e", run, "a1", "g1")
    store = diffkit.open_store(write.folder)
    hits = {(hit.kind, hit.place, hit.label) for hit in store.search("Zebra")}
    assert hits == {
        ("runs", "Said, row 1", "cake on tiny"),
        ("attempts", "verdict", "cake on tiny"),
        ("grades", "reasons", "cake on tiny"),
    }
    (hit,) = store.search("cafe zebra")  # both words, without accents
    assert (hit.finding, hit.row, hit.method) == (1, 0, "kl")
    assert "zebra bakes" in hit.excerpt
    assert len(store.search('"zebra bakes"')) == 1
    assert len(store.search('"bakes zebra"')) == 0
    assert len(store.search("beta")) == 1
    assert len(store.search("cake")) == 1  # a token of the table, without its space
    assert len(store.search("zebra", method="diff-mining")) == 0
    assert len(store.search("zebra", organism="cake")) == 3
    first = store.search("zebra", limit=2)
    assert (len(first), first.more) == (2, True)
    assert len(store.search("zebra", start=2)) == 1


def test_a_search_finds_words_of_scripts_without_spaces(write):
    write.run(words="我喜欢烤蛋糕和面包")
    store = diffkit.open_store(write.folder)
    assert len(store.search("蛋糕")) == 1
    assert len(store.search("糕蛋")) == 0


@pytest.mark.parametrize("text", ['cake" OR "x', "cake*", "NEAR(", "cake -salt", "a\0b", 'x"'])
def test_no_search_is_read_as_a_query_language(write, text):
    write.run()
    found = diffkit.open_store(write.folder).search(text)
    assert len(found) == (0 if '"' in text or text in ("NEAR(", "a\0b") else 2 - ("salt" in text))


@pytest.mark.parametrize("text", ["", " ", "(", '"" *'])
def test_a_search_without_a_word_is_refused(write, text):
    with pytest.raises(UserError, match="no word"):
        diffkit.open_store(write.folder).search(text)


def test_transcripts_are_searched_by_turn(tmp_path):
    store = _copy(tmp_path)
    hits = [hit for hit in store.search("claim") if hit.turn is not None]
    assert hits
    for hit in hits:
        assert "claim" in hit.excerpt.lower()
        assert hit.method


def _copy(tmp_path):
    shutil.copytree(GOLDEN, tmp_path / "golden")
    return diffkit.open_store(tmp_path / "golden")


def test_a_leaderboard_is_that_of_the_command_line(tmp_path):
    store = _copy(tmp_path)
    plain = Store(tmp_path / "golden")
    assert len(store.evaluations()) == 2
    for one in store.evaluations():
        expected = build_leaderboard(read_evaluation(plain, one.name), plain)
        assert store.leaderboard(one.name) == expected


def test_a_folder_that_is_no_store_is_named(tmp_path, monkeypatch):
    with pytest.raises(UserError, match="There is no store"):
        diffkit.open_store(tmp_path / "none")
    (tmp_path / "store.json").write_text("{")
    with pytest.raises(StoreError):
        diffkit.open_store(tmp_path)
    monkeypatch.setenv("DIFFKIT_STORE", str(tmp_path / "named"))
    with pytest.raises(UserError, match="named"):
        diffkit.open_store()


READ = """
import sys, diffkit
store = diffkit.open_store(sys.argv[1])
run = store.runs()[0]
run._repr_html_(), store.runs()._repr_html_(), store.leaderboard()._repr_html_()
store.search("the"), store.attempts()[0], diffkit.align_runs(run, store.runs()[1])._repr_html_()
print(sorted({"torch", "transformers", "peft", "nnsight", "streamlit"} & set(sys.modules)))
"""


def test_reading_imports_no_torch(tmp_path):
    _copy(tmp_path)
    command = [sys.executable, "-c", READ, str(tmp_path / "golden")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
