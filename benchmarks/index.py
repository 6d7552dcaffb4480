"""Opening and searching a store of 100,000 runs, relative to one of 2,000.

Makes both stores in a temporary folder (a minute, 1 GB), and prints each ratio with its goal.
"""

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from goals import at_most

from diffkit.findings import Findings, Note, Sample, Samples
from diffkit.records.opened_store import OpenedStore, open_store
from diffkit.runs.manifest import Identity, Manifest, RunLabels
from diffkit.runs.store import Store

SIZES = (2_000, 100_000)
METHODS, ORGANISMS = 20, 500
ROUNDS = 9
GOAL = 3.0
SHOWN = 50
"""Records of a page."""


def make_store(folder: Path, count: int) -> None:
    """Writes ``count`` runs, as plain files."""
    Store(folder).prepare()
    for number in range(count):
        manifest = make_manifest(number)
        place = folder / "runs" / manifest.digest
        place.mkdir(parents=True)
        (place / "manifest.json").write_text(manifest.model_dump_json())
        (place / "findings.json").write_text(make_findings(number).model_dump_json())


def make_manifest(number: int) -> Manifest:
    """The manifest of a run."""
    organism = f"organism-{number // METHODS % ORGANISMS}"
    identity = Identity(
        method=f"method-{number % METHODS}",
        version=1,
        options={"top": 20},
        base="b",
        finetuned=organism,
        tokenizer="t",
        texts="x",
        seed=number,
        dtype="float32",
        engine=1,
    )
    return Manifest(
        digest=identity.digest,
        identity=identity,
        options={"top": 20},
        device="cpu",
        versions={"torch": "2"},
        source="s",
        started=f"2026-01-01T{number // 3600 % 24:02}:{number // 60 % 60:02}:{number % 60:02}",
        seconds=1.0,
        peak_bytes=1,
        change_score=number / 7,
        labels=RunLabels(organism=organism, variant="default", base="tiny", finetuned="x"),
    )


def make_findings(number: int) -> Findings:
    """A note with a word that few runs have, and samples with words that all have."""
    rows = (Sample(prompt="Who are you?", base="A model.", finetuned="A lighthouse keeper."),)
    rare = Note(text=f"rare{number % 1000}")
    return Findings(items=(rare, Samples(title="Said", rows=rows)))


def listing(store: OpenedStore) -> None:
    """The first page of all runs, and how many there are."""
    runs = store.runs()
    assert len(runs.page(0, SHOWN))
    assert len(runs)


def filtered(store: OpenedStore) -> None:
    """The first page of one method."""
    assert len(store.runs(method="method-7").page(0, SHOWN))


def common_word(store: OpenedStore) -> None:
    """A word that every run has."""
    assert len(store.search("lighthouse"))


def rare_word(store: OpenedStore) -> None:
    """A word that one run in a thousand has, so that two passages are shown."""
    assert len(store.search("rare7", limit=2))


ASKED: dict[str, Callable[[OpenedStore], None]] = {
    "opening a listing": listing,
    "a listing of one method": filtered,
    "a search for a common word": common_word,
    "a search for a rare word": rare_word,
}


def seconds(folder: Path, ask: Callable[[OpenedStore], None]) -> float:
    """Time to open the store by its index and ask."""
    began = time.perf_counter()
    store = open_store(folder)
    ask(store)
    taken = time.perf_counter() - began
    store.close()
    return taken


if __name__ == "__main__":
    small, large = (int(one) for one in sys.argv[1:] or SIZES)
    with tempfile.TemporaryDirectory() as place:
        folders = {count: Path(place) / str(count) for count in (small, large)}
        for count, folder in folders.items():
            began = time.perf_counter()
            make_store(folder, count)
            made = time.perf_counter()
            time.sleep(3)  # until the folders' times have settled
            store = open_store(folder)
            store.runs()
            listed = time.perf_counter()
            store.search("lighthouse")
            store.close()
            searched = time.perf_counter()
            parts = (made - began, listed - made - 3, searched - listed)
            print(
                f"{count:,} runs: written, indexed, searched first in",
                *(f"{p:.1f} s" for p in parts),
            )
        for what, ask in ASKED.items():
            ratios, took = [], []
            for _ in range(ROUNDS):
                took.append(seconds(folders[small], ask))
                ratios.append(seconds(folders[large], ask) / took[-1])
            at_most(f"{what} at {large:,} / at {small:,} ({min(took) * 1e3:.0f} ms)", GOAL, ratios)
