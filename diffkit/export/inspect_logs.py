"""Evaluations as logs of inspect_ai: Inspect View shows them, and its data frames read them."""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from importlib.metadata import version
from operator import add
from pathlib import Path
from statistics import fmean

from inspect_ai.log import (
    EvalConfig,
    EvalDataset,
    EvalLog,
    EvalMetric,
    EvalResults,
    EvalSample,
    EvalScore,
    EvalSpec,
    EvalStats,
    write_eval_log,
)
from inspect_ai.model import ModelUsage

from diffkit.evaluation.record import Evaluation
from diffkit.export.attempts import ExportedAttempt
from diffkit.export.inspect_samples import blind_sample, sample
from diffkit.runs.digest import digest

_REDACTED = "left-out"


def build_logs(
    evaluation: Evaluation, tries: Iterable[ExportedAttempt], truths: Mapping[str, str]
) -> list[EvalLog]:
    """One log for each investigator, method and arm: a sample for each pair, an epoch each repeat.

    Args:
        evaluation: what is exported.
        tries: its attempts.
        truths: handle of a truth → the truth, for the samples' targets.
    """
    groups: dict[tuple[str, str, str], list[ExportedAttempt]] = {}
    for one in tries:
        first = one.behind.first
        groups.setdefault((first.investigator, one.method, first.arm), []).append(one)
    return [_log_of(evaluation, key, own, truths) for key, own in groups.items()]


def build_blind_log(evaluation: Evaluation, tries: Iterable[ExportedAttempt]) -> EvalLog:
    """One log of all attempts, each once, without names, truths and grades."""
    distinct = {one.attempt.digest: one for one in tries}
    samples = [blind_sample(distinct[key]) for key in sorted(distinct)]
    return _log(evaluation, "blind", samples, solver=_REDACTED, model=_REDACTED)


def write_log(made: EvalLog, folder: Path) -> Path:
    """Writes a log into ``folder``, under a name by which Inspect View lists it."""
    stamp = re.sub(r"\.\d+", "", made.eval.created).replace(":", "-")
    task = re.sub(r"[^A-Za-z0-9.]+", "-", made.eval.task)
    path = folder / f"{stamp}_{task}_{made.eval.task_id}.eval"
    write_eval_log(made, path)
    return path


def _log_of(
    evaluation: Evaluation,
    key: tuple[str, str, str],
    tries: Sequence[ExportedAttempt],
    truths: Mapping[str, str],
) -> EvalLog:
    investigator, method, arm = key
    samples = [sample(one, _target(one, truths)) for one in tries]
    models = [used.model for one in tries if (used := one.attempt.usage.get("investigator"))]
    task = "/".join(filter(None, (method, arm, investigator)))
    model = models[0] if models else investigator
    return _log(evaluation, task, samples, solver=investigator, model=model)


def _target(one: ExportedAttempt, truths: Mapping[str, str]) -> str:
    entry = one.behind.entry
    if entry.truth != "targeted":
        return f"Nothing targeted was done ({entry.truth})."
    return truths.get(entry.answer, f"The truth {entry.answer}, which no organism here has.")


def _log(
    evaluation: Evaluation, name: str, samples: Sequence[EvalSample], *, solver: str, model: str
) -> EvalLog:
    task = f"{evaluation.name}/{name}"
    known = digest([task, evaluation.created])[:22]
    ids = list(dict.fromkeys(one.id for one in samples))
    epochs = max((one.epoch for one in samples), default=1)
    spec = EvalSpec(
        created=evaluation.created,
        task=task,
        **dict.fromkeys(("task_id", "eval_id", "run_id"), known),
        solver=solver,
        model=model,
        dataset=EvalDataset(name=evaluation.name, samples=len(ids), sample_ids=ids),
        config=EvalConfig(epochs=epochs),
        packages={"diffkit": version("diffkit")},
    )
    return EvalLog(
        status="success",
        eval=spec,
        samples=list(samples),
        results=_results(samples),
        stats=_stats(evaluation, samples),
    )


def _results(samples: Sequence[EvalSample]) -> EvalResults:
    graders = dict.fromkeys(grader for one in samples for grader in one.scores or {})
    return EvalResults(
        total_samples=len(samples),
        completed_samples=sum(one.error is None for one in samples),
        scores=[_mean(grader, samples) for grader in graders],
    )


def _mean(grader: str, samples: Sequence[EvalSample]) -> EvalScore:
    """Plain means over attempts; the leaderboard counts truths, and says how sure it is."""
    scores = [one.scores[grader] for one in samples if grader in (one.scores or {})]
    given = [one for one in scores if one.metadata]
    means = {
        "mean": fmean([one.value for one in given] or [0.0]),
        "chance": fmean([one.metadata["chance"] for one in given] or [0.0]),
    }
    return EvalScore(
        name=grader,
        scorer=grader,
        scored_samples=len(given),
        unscored_samples=len(scores) - len(given),
        metrics={name: EvalMetric(name=name, value=value) for name, value in means.items()},
    )


def _stats(evaluation: Evaluation, samples: Sequence[EvalSample]) -> EvalStats:
    found: dict[str, list[ModelUsage]] = {}
    for one in samples:
        for model, used in (one.model_usage or {}).items():
            found.setdefault(model, []).append(used)
    starts = [one.started_at for one in samples if one.started_at]
    ends = [one.completed_at for one in samples if one.completed_at]
    return EvalStats(
        started_at=min(starts, default=evaluation.created),
        completed_at=max(ends, default=evaluation.created),
        model_usage={model: reduce(add, all_of) for model, all_of in found.items()},
    )
