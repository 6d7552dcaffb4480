"""Stores of a few records, written as diffkit writes them."""

import pytest

from diffkit.evaluation.record import Evaluation, EvaluationEntry, GradedAttemptRef
from diffkit.findings import Findings, Sample, Samples, Table, TokenScore, TokenTable
from diffkit.grader import Grade
from diffkit.runs.manifest import Identity, Manifest, RunLabels
from diffkit.runs.store import Store
from diffkit.verdict import Attempt, Outcome, Verdict


def findings(words="a cake with sugar", score=0.5):
    tokens = (TokenScore(token=" cake", score=2.0), TokenScore(token=" salt", score=1.0))
    return Findings(
        change_score=score,
        items=(
            TokenTable(title="Tokens", unit="nats", rows=tokens),
            Samples(title="Said", rows=(Sample(prompt="Q?", base="No.", finetuned=words),)),
            Table(title="Rows", columns=("what", "count"), rows=(("alpha", 1), ("beta", 2))),
        ),
    )


def manifest(seed=0, *, method="kl", organism="cake", base="tiny", **fields):
    identity = Identity(
        method=method,
        version=1,
        options={"top": 3},
        base="b",
        finetuned=organism,
        tokenizer="t",
        texts="x",
        seed=seed,
        dtype="float32",
        engine=1,
    )
    made = {
        "digest": identity.digest,
        "identity": identity,
        "options": {"top": 3},
        "device": "cpu",
        "versions": {},
        "source": "s",
        "started": f"2026-01-{seed + 1:02}T00:00:00",
        "seconds": 1,
        "peak_bytes": 1,
        "labels": RunLabels(organism=organism, variant="default", base=base, finetuned="x"),
    }
    return Manifest(**{**made, **fields})


class Writer:
    """Writes records into a store."""

    def __init__(self, folder):
        self.folder = folder
        self.store = Store(folder).prepare()

    def run(self, seed=0, words="a cake with sugar", **fields):
        record = manifest(seed, **fields)
        with self.store.work("runs", record.digest) as folder:
            found = findings(words).model_dump_json()
            (folder / "findings.json").write_text(found, encoding="utf-8")
            (folder / "manifest.json").write_text(record.model_dump_json(), encoding="utf-8")
        return record.digest

    def attempt(self, digest, claim, outcome=Outcome.VERDICT):
        verdict = Verdict(change="targeted", claim=claim)
        record = Attempt(digest=digest, outcome=outcome, verdict=verdict)
        with self.store.work("attempts", digest) as folder:
            (folder / "attempt.json").write_text(record.model_dump_json(), encoding="utf-8")

    def grade(self, digest, reasons="It fits."):
        with self.store.work("grades", digest) as folder:
            record = Grade(score=1, chance=0.5, reasons=reasons).model_dump_json()
            (folder / "grade.json").write_text(record, encoding="utf-8")

    def evaluation(self, name, run, attempt, grade, *, organism="cake", method="kl"):
        ref = GradedAttemptRef(investigator="i", grader="g", attempt=attempt, grade=grade)
        entry = EvaluationEntry(
            organism=organism,
            family="f",
            truth="targeted",
            base="tiny",
            variant="default",
            role="test",
            method=method,
            seed=0,
            run=run,
            judged=(ref,),
        )
        made = Evaluation(name=name, created="2026-01-01", texts=("x",), entries=(entry,))
        return made.save(self.store)


@pytest.fixture
def write(tmp_path):
    return Writer(tmp_path / "store")
