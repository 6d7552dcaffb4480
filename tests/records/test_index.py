"""The index: rebuilt from the records, and never trusted over them."""

import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import time

import pytest

import diffkit
from diffkit.errors import StoreError
from diffkit.records import index, index_file
from diffkit.records.files import MAX_BYTES


def digests(listing):
    return [one.manifest.digest for one in listing]


def settle(folder):
    """Lets all folders look as if nothing had changed for long."""
    past = time.time() - 100
    for kind in folder.iterdir():
        os.utime(kind, (past, past))


def settled(write):
    """A store whose index is up to date, so that no folder is scanned again."""
    settle(write.folder)
    store = diffkit.open_store(write.folder)
    store.runs()
    store.close()


@pytest.fixture
def scans(monkeypatch):
    """The kinds of records whose folders were scanned."""
    seen, names = [], index.names_in
    monkeypatch.setattr(
        index, "names_in", lambda root, kind: seen.append(kind) or names(root, kind)
    )
    return seen


def test_an_index_that_is_up_to_date_scans_no_folder(write, scans):
    made = write.run()
    settled(write)
    scans.clear()
    assert digests(diffkit.open_store(write.folder).runs()) == [made]
    assert scans == []
    other = write.run(1)
    assert digests(diffkit.open_store(write.folder).runs()) == [other, made]
    assert scans == ["runs"]


def test_a_record_is_shown_as_it_is_and_not_as_the_index_has_it(write):
    digest = write.run()
    settled(write)
    file = write.folder / "runs" / digest / "manifest.json"
    file.write_text(file.read_text().replace('"cake"', '"salt"'))
    store = diffkit.open_store(write.folder)
    assert store.runs()[0].manifest.labels.organism == "salt"
    assert digests(store.runs(organism="cake")) == []  # the index says that it fits
    store.refresh()
    assert digests(store.runs(organism="salt")) == [digest]


def test_a_record_that_was_damaged_or_emptied_since_is_named_and_left_out(write):
    kept, damaged, gone = write.run(0), write.run(1), write.run(2)
    settled(write)
    (write.folder / "runs" / damaged / "manifest.json").write_text("{")
    (write.folder / "runs" / gone / "manifest.json").unlink()
    listing = diffkit.open_store(write.folder).runs()
    assert digests(listing) == [kept]
    assert [damaged[:12] in listing.problems[1], gone in listing.problems[0]] == [True, True]
    store = diffkit.open_store(write.folder)
    store.refresh()
    assert len(store.runs()) == 1
    assert len(store.problems()) == 2


def test_a_passage_is_the_record_s_and_not_the_index_s(write):
    digest = write.run(words="a zebra")
    store = diffkit.open_store(write.folder)
    assert len(store.search("zebra")) == 1
    file = write.folder / "runs" / digest / "findings.json"
    file.write_text(file.read_text().replace("zebra", "horse"))
    assert all("zebra" not in hit.excerpt for hit in store.search("zebra"))
    file.unlink()
    assert len(store.search("zebra")) == 0


@pytest.mark.parametrize("content", [b"", b"no database at all", os.urandom(9000)])
def test_a_file_that_is_no_index_is_replaced(write, content):
    made = write.run()
    (write.folder / "index.sqlite").write_bytes(content)
    assert digests(diffkit.open_store(write.folder).runs()) == [made]
    assert (write.folder / "index.sqlite").read_bytes().startswith(b"SQLite format 3")


def test_a_damaged_index_is_replaced(write):
    made = [write.run(seed) for seed in range(20)]
    settled(write)
    file = write.folder / "index.sqlite"
    content = bytearray(file.read_bytes())
    content[4096:] = os.urandom(len(content) - 4096)
    file.write_bytes(content)
    store = diffkit.open_store(write.folder)
    assert sorted(digests(store.runs())) == sorted(made)
    assert len(store.search("sugar", limit=50)) == 20


def test_an_index_that_breaks_while_it_is_open_is_made_again(write):
    made = write.run()
    store = diffkit.open_store(write.folder)
    store.runs()
    with sqlite3.connect(write.folder / "index.sqlite") as other:
        other.execute("DROP TABLE records")
    assert digests(store.runs()) == [made]


def test_the_index_of_another_program_or_store_is_not_used(write, tmp_path):
    made = write.run()
    with sqlite3.connect(write.folder / "index.sqlite") as other:
        other.execute("CREATE TABLE records (name)")
    assert digests(diffkit.open_store(write.folder).runs()) == [made]
    settled(write)
    shutil.copytree(write.folder, tmp_path / "copy")
    shutil.rmtree(tmp_path / "copy" / "runs" / made)
    settle(tmp_path / "copy")
    assert digests(diffkit.open_store(tmp_path / "copy").runs()) == []


def test_names_and_triggers_that_were_planted_do_nothing(write, tmp_path):
    made = write.run()
    settled(write)
    secret = tmp_path / "secret"
    shutil.copytree(write.folder / "runs" / made, secret)
    with sqlite3.connect(write.folder / "index.sqlite") as planted:
        planted.execute("UPDATE records SET name = '../../secret'")
    listing = diffkit.open_store(write.folder).runs()
    assert digests(listing) == []
    assert "outside the store" in listing.problems[0]
    with sqlite3.connect(write.folder / "index.sqlite") as planted:
        planted.execute("CREATE TRIGGER t AFTER DELETE ON records BEGIN SELECT 1; END")
    assert digests(diffkit.open_store(write.folder).runs()) == [made]  # made again


def test_a_link_in_place_of_the_index_is_not_followed(write, tmp_path):
    made = write.run()
    target = tmp_path / "mine.sqlite"
    target.write_text("mine")
    (write.folder / "index.sqlite").symlink_to(target)
    assert digests(diffkit.open_store(write.folder).runs()) == [made]
    assert target.read_text() == "mine"
    assert (write.folder / "index.sqlite").is_symlink()


def test_a_store_that_is_read_only_is_listed_and_stays_as_it_is(write, monkeypatch):
    made = write.run()
    monkeypatch.setattr(index_file.os, "access", lambda *_: False)  # root may write anywhere
    store = diffkit.open_store(write.folder)
    assert digests(store.runs()) == [made]
    assert len(store.search("sugar")) == 1
    assert not (write.folder / "index.sqlite").exists()


def test_an_index_that_may_only_be_read_is_used_and_completed_in_memory(write, monkeypatch):
    first = write.run(0)
    settled(write)
    before = (write.folder / "index.sqlite").read_bytes()
    second = write.run(1)
    monkeypatch.setattr(index_file.os, "access", lambda *_: False)
    store = diffkit.open_store(write.folder)
    assert digests(store.runs()) == [second, first]
    assert len(store.search("sugar")) == 2
    assert (write.folder / "index.sqlite").read_bytes() == before


def test_links_and_special_files_in_a_store_lead_nowhere(write, tmp_path):
    kept = write.run(0)
    outside = tmp_path / "outside"
    shutil.copytree(write.folder / "runs" / kept, outside)
    (write.folder / "runs" / "linked").symlink_to(outside)
    pipe = write.folder / "runs" / "pipe"
    pipe.mkdir()
    os.mkfifo(pipe / "manifest.json")
    half = write.folder / "runs" / "half"
    half.mkdir()
    (half / "manifest.json").symlink_to(outside / "manifest.json")
    store = diffkit.open_store(write.folder)
    assert digests(store.runs()) == [kept]
    assert len(store.problems()) == 3
    with pytest.raises(StoreError, match="outside"):
        store.run("linked")


def test_findings_that_lead_outside_are_not_read(write, tmp_path):
    digest = write.run(words="a zebra")
    file = write.folder / "runs" / digest / "findings.json"
    file.rename(tmp_path / "findings.json")
    file.symlink_to(tmp_path / "findings.json")
    store = diffkit.open_store(write.folder)
    assert len(store.search("zebra")) == 0
    with pytest.raises(StoreError, match="outside"):
        store.run(digest)


def test_an_evaluation_names_no_record_outside(write, tmp_path):
    shutil.copytree(write.folder, tmp_path / "other")
    run = write.run()
    write.attempt("a1", "claim")
    write.evaluation("e", run, "../../other/attempts/a1", "")
    store = diffkit.open_store(write.folder)
    with pytest.raises(StoreError, match="no digest"):
        store.leaderboard()


def test_records_that_are_too_large_are_named(write):
    digest = write.run()
    os.truncate(write.folder / "runs" / digest / "manifest.json", MAX_BYTES + 1)
    store = diffkit.open_store(write.folder)
    assert len(store.runs()) == 0
    assert digest in store.problems()[0]


def test_a_leaf_of_deep_json_is_damage(write):
    write.run()
    folder = write.folder / "runs" / "deep"
    folder.mkdir()
    (folder / "manifest.json").write_text("[" * 100_000)
    store = diffkit.open_store(write.folder)
    assert len(store.runs()) == 1
    assert len(store.problems()) == 1


LIST = """
import sys, diffkit
store = diffkit.open_store(sys.argv[1])
for _ in range(5):
    store.refresh()
    print(len(store.runs()), len(store.search("sugar", limit=1000)))
"""


def test_processes_and_threads_may_use_one_index_at_once(write):
    for seed in range(20):
        write.run(seed)
    command = [sys.executable, "-c", LIST, str(write.folder)]
    running = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    store, counts = diffkit.open_store(write.folder), []
    threads = [threading.Thread(target=lambda: counts.append(len(store.runs()))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    said = [process.communicate() for process in running]
    assert counts == [20] * 4
    assert said == [("20 20\n" * 5, "")] * 2
