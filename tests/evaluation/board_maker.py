"""Evaluations made by hand in a store, for leaderboards to read."""

from diffkit.evaluation import Evaluation, EvaluationEntry, GradedAttemptRef, GuessScore
from diffkit.evaluation.leaderboard import build_leaderboard
from diffkit.grader import Grade
from diffkit.runs.digest import digest
from diffkit.runs.manifest import Identity, Manifest
from diffkit.verdict import Attempt, Detection, NullTest, Outcome, Verdict

TRUTHS = tuple(f"t{i}" for i in range(8))


class Made:
    def __init__(self, store):
        self.store = store
        self.entries = []

    def entry(self, organism, *grades, truth="targeted", method="kl", run="", **more):
        """One entry; ``grades`` are dicts: arm, parts, if_true, change, rungs, …"""
        answer = more.pop("answer", organism if truth == "targeted" else "")
        known = {"family": "f", "base": "base", "variant": "default", "role": "test", "seed": 0}
        judged = tuple(self._judged(**grade) for grade in grades)
        fields = {**known, **more, "answer": answer, "method": method, "run": run}
        self.entries.append(
            EvaluationEntry(organism=organism, truth=truth, judged=judged, **fields)
        )

    def _judged(
        self,
        *,
        arm="method",
        change="targeted",
        parts=None,
        if_true=None,
        score=1.0,
        chance=0.5,
        rungs=None,
        graded=True,
        reader="i",
        grader="g",
        repeat=0,
        outcome=Outcome.VERDICT,
        detection=None,
        curve=(),
        usage=None,
        graders_usage=None,
        questions=0,
    ):
        p = max((p for _, p in (rungs or {}).values()), default=None)
        tests = {name: NullTest(n=n, p=value) for name, (n, value) in (rungs or {}).items()}
        own = Detection(p=p, alpha=0.05, rungs=tests) if rungs else None
        verdict = Verdict(change=change, claim="words", detection=own)
        grade = Grade(
            score=score,
            chance=chance,
            parts=parts or {},
            if_true=if_true or {},
            usage=graders_usage or {},
        )
        place = [arm, len(self.entries), reader, grader, repeat]
        key = digest([*place, verdict.model_dump(), grade.model_dump()])
        attempt = Attempt(
            digest=key,
            outcome=outcome,
            verdict=verdict if outcome is Outcome.VERDICT else None,
            usage=usage or {},
            questions=questions,
            seconds=2,
        )
        self._write("attempts", key, "attempt.json", attempt)
        if graded:
            self._write("grades", key, "grade.json", grade)
        fault = {} if graded else {"error": "It broke."}
        return GradedAttemptRef(
            investigator=reader,
            grader=grader,
            arm=arm,
            repeat=repeat,
            detection=detection,
            curve=tuple(GuessScore(questions=q, score=s) for q, s in curve),
            attempt=key,
            grade=key if graded else "",
            **fault,
        )

    def _write(self, kind, key, name, record):
        folder = self.store.place(kind, key)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(record.model_dump_json(), encoding="utf-8")

    def run(self, **identity):
        """A finished run; returns its digest."""
        known = {"method": "kl", "version": 1, "options": {"tokens": 5}, "base": "b", "seed": 0}
        sides = {"finetuned": str(len(self.entries)), "tokenizer": "t", "texts": "x" * 64}
        rest = {"dtype": "float32", "engine": 1}
        made = Identity(**{**known, **sides, **rest, **identity})
        manifest = Manifest(
            digest=made.digest,
            identity=made,
            options=made.options,
            device="cpu",
            versions={},
            source="s",
            started="2026-01-01T00:00:00Z",
            seconds=3,
            peak_bytes=7,
            change_score=0.25,
        )
        self._write("runs", made.digest, "manifest.json", manifest)
        return made.digest

    def board(self, **more):
        evaluation = Evaluation(
            name="e", created="now", texts=(), entries=tuple(self.entries), **more
        )
        return build_leaderboard(evaluation, self.store)


def rows(board, **wanted):
    return [row for row in board.rows if all(getattr(row, key) == v for key, v in wanted.items())]
