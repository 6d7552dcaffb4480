"""The store: whole or not at all, and what it says when it cannot."""

import json
import threading
from types import SimpleNamespace

import pytest

from diffkit.errors import StoreError, StoreUnwritable, UserError
from diffkit.findings import Findings
from diffkit.runs.lease import lease
from diffkit.runs.manifest import Identity, Manifest
from diffkit.runs.store import Store


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store").prepare()


def manifest(seed=0, **fields):
    identity = Identity(
        method="m",
        version=1,
        options={},
        base="b",
        finetuned="f",
        tokenizer="t",
        texts="x",
        seed=seed,
        dtype="float32",
        engine=1,
    )
    made = {
        "digest": identity.digest,
        "identity": identity,
        "options": {},
        "device": "cpu",
        "versions": {},
        "source": "s",
        "started": f"2026-01-{seed + 1:02}T00:00:00",
        "seconds": 1,
        "peak_bytes": 1,
    }
    return Manifest(**{**made, **fields})


def add(store, seed=0):
    """A finished run."""
    record = manifest(seed)
    with store.work("runs", record.digest) as folder:
        (folder / "findings.json").write_text(Findings(change_score=seed).model_dump_json())
        (folder / "manifest.json").write_text(record.model_dump_json())
    return record.digest


def test_what_the_body_leaves_is_there_whole_or_not_at_all(store):
    with store.work("grades", "abc") as folder:
        (folder / "grade.json").write_text("1")
        assert not store.has("grades", "abc")
    assert (store.place("grades", "abc") / "grade.json").read_text() == "1"
    assert not list((store.root / "work").iterdir())


def test_what_fails_leaves_its_files_for_the_next_attempt(store):
    def half():
        with store.work("runs", "abc") as folder:
            (folder / "checkpoint").write_text("half")
            raise LookupError

    with pytest.raises(LookupError):
        half()
    assert not store.has("runs", "abc")
    (work,) = store.unfinished()
    assert (work.digest, work.held, work.failure) == ("abc", False, "")
    with store.work("runs", "abc") as folder:
        assert (folder / "checkpoint").read_text() == "half"
        assert next(store.unfinished()).held
    with store.work("runs", "abc", fresh=True) as folder:
        assert not list(folder.iterdir())


def test_what_fails_and_leaves_nothing_leaves_no_folder(store):
    with pytest.raises(LookupError), store.work("runs", "abc"):
        raise LookupError
    assert list(store.unfinished()) == []


def test_the_finished_and_the_held_are_not_worked_on(store):
    digest = add(store)
    with store.work("runs", digest) as folder:
        assert folder is None
    with lease(store.root / "work" / "abc.lease"), store.work("runs", "abc") as folder:
        assert folder is None


def test_whoever_lost_the_lease_publishes_nothing(store):
    with store.work("runs", "abc") as folder:
        (folder / "mine").write_text("")
        (store.root / "work" / "abc.lease").write_text('{"token": "other"}')
    assert not store.has("runs", "abc")
    assert (store.root / "work" / "abc" / "mine").exists()


def test_a_fresh_run_replaces_the_old_one_only_when_it_is_whole(store):
    digest = add(store)
    with pytest.raises(LookupError), store.work("runs", digest, fresh=True):
        raise LookupError
    assert store.run(digest).findings.change_score == 0
    with store.work("runs", digest, fresh=True) as folder:
        (folder / "manifest.json").write_text(manifest(seconds=9).model_dump_json())
    assert store.run(digest).manifest.seconds == 9


def test_many_threads_obtain_one_thing_that_one_of_them_makes(store):
    made, start = [], threading.Barrier(8)

    def make(folder):
        made.append(folder)
        (folder / "x").write_text("x")

    def ask():
        start.wait()
        store.get_or_create("attempts", "abc", make)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1
    store.get_or_create("attempts", "abc", make, fresh=True)
    assert len(made) == 2


@pytest.mark.parametrize("fresh", [True, False])
def test_whoever_lost_the_lease_sleeps_and_tries_again(store, monkeypatch, fresh):
    held, made, slept = store.root / "work" / "abc.lease", [], []
    looks = iter(range(5))

    def make(folder):
        (folder / "x").write_text(str(len(made)))
        made.append(folder)
        if len(made) == 1:
            held.write_text('{"token": "other"}')

    def look(self, *args, work=Store.work, **options):
        next(looks)  # ends the test where nobody sleeps
        return work(self, *args, **options)

    def sleep(_):
        slept.append(held.exists())
        held.unlink(missing_ok=True)

    monkeypatch.setattr(Store, "work", look)
    monkeypatch.setattr("diffkit.runs.store.time", SimpleNamespace(sleep=sleep))
    place = store.get_or_create("attempts", "abc", make, fresh=fresh)
    assert (place / "x").read_text() == "1"
    assert slept == [True]


def test_runs_come_oldest_first_and_damaged_ones_are_told(store):
    digests = [add(store, seed) for seed in (2, 0, 1)]
    assert [run.manifest.identity.seed for run in store.runs()] == [0, 1, 2]
    (store.place("runs", digests[0]) / "manifest.json").write_text('{"dig')
    assert [run.manifest.identity.seed for run in store.runs()] == [0, 1]
    (error,) = store.damaged()
    assert digests[0][:12] in str(error)
    assert f"diffkit runs rm {digests[0][:12]}" in str(error)
    with pytest.raises(StoreError, match=r"no readable manifest\.json"):
        store.run(digests[0])


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b'{"items": 3}'])
def test_damaged_findings_are_one_error(store, content):
    digest = add(store)
    (store.place("runs", digest) / "findings.json").write_bytes(content)
    with pytest.raises(StoreError, match=r"no readable findings\.json"):
        _ = store.run(digest).findings


def test_a_prefix_finds_one_run_or_is_refused(store):
    digests = [add(store, seed) for seed in range(20)]
    assert store.run(digests[0][:8]).manifest.digest == digests[0]
    assert store.run(digests[0]).manifest.digest == digests[0]
    shared = next(c for c in "0123456789abcdef" if sum(d[0] == c for d in digests) > 1)
    with pytest.raises(UserError, match=rf"^\d+ runs .* start with '{shared}'"):
        store.run(shared)
    for nothing in ("", "zz", "..", "*", f"{digests[0]}/.."):
        with pytest.raises(UserError, match=r"^No runs"):
            store.run(nothing)


def test_removal_takes_all_that_are_named_or_none(store):
    digests = [add(store, seed) for seed in range(3)]
    with pytest.raises(UserError, match=r"'zz'"):
        store.remove([digests[0], "zz"])
    with pytest.raises(UserError):
        store.remove([".."])
    assert len(list(store.runs())) == 3
    assert store.remove([digests[0][:12], digests[1], digests[0]]) == tuple(digests[:2])
    assert [run.manifest.digest for run in store.runs()] == [digests[2]]
    assert not list((store.root / "work").iterdir())


def test_unfinished_runs_can_be_removed_unless_they_are_held(store):
    (store.root / "work" / "abc").mkdir()
    busy = pytest.raises(UserError, match=r"Another process is working on the run abc")
    with lease(store.root / "work" / "abc.lease"), busy:
        store.remove(["abc"])
    assert store.remove(["abc"]) == ("abc",)


def test_what_a_dead_process_was_removing_is_removed(store):
    (store.root / "work" / "trash-1").mkdir()
    assert list(store.unfinished()) == []
    store.prepare()
    assert not list((store.root / "work").iterdir())


def test_a_newer_format_is_refused(store):
    (store.root / "store.json").write_text(json.dumps({"format": 99}))
    with pytest.raises(StoreError, match=r"has format 99; this diffkit reads 1.*Upgrade diffkit"):
        store.check()


@pytest.mark.parametrize("content", ["", "[]", '{"format": "x"}', "{}"])
def test_a_damaged_stamp_is_one_error(store, content):
    (store.root / "store.json").write_text(content)
    with pytest.raises(StoreError, match=r"store\.json cannot be read"):
        store.prepare()


def test_a_file_is_no_store_and_nothing_can_lie_below_it(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"is not a folder"):
        Store(tmp_path / "file").prepare()
    with pytest.raises(StoreUnwritable, match=r"lies below a file"):
        Store(tmp_path / "file" / "store").prepare()


@pytest.mark.parametrize("name", ["", ".", "..", "../runs/a", "/etc", "a/b"])
def test_a_digest_that_leads_elsewhere_is_refused(store, name):
    with pytest.raises(StoreError, match="is no digest"):
        store.place("attempts", name)
