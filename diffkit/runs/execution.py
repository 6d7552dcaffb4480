"""Executes one run in its work folder."""

import errno
import json
import logging
import math
import time
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from diffkit.checkpoints import Checkpoints
from diffkit.context import BATCH_SIZE, Artifacts, Progress, RunContext, no_progress, no_status
from diffkit.errors import DiffkitError, RunFailed, one_line
from diffkit.findings import Findings, Note
from diffkit.method import Study, checked_findings, run_method
from diffkit.registry.specs import kind_noun, load_implementation
from diffkit.runs.files import remove
from diffkit.runs.manifest import ABOUT_FILE, Identity, Manifest, RunAbout
from diffkit.runs.provenance import PeakMemory, git_state, source_hash, versions
from diffkit.runs.readable_texts import readable_texts
from diffkit.runs.spec import RunSpec, open_models

if TYPE_CHECKING:
    from diffkit.engine.loading.loader import NetworkCache

log = logging.getLogger("diffkit.run")


@dataclass(frozen=True)
class ExecutionOptions:
    """How runs are executed; it does not change their findings."""

    device: str = "auto"
    """``cpu``, ``cuda``, ``cuda:1``, …; ``auto`` takes a GPU if there is one."""
    progress: Progress = no_progress
    """Shows the progress of long loops."""
    fresh: bool = False
    """Whether runs that the store holds are computed again."""
    status: Callable[[str], None] = no_status
    """Shows a short status beside the running loop; it is cleared when a run ends."""
    batch_size: int = BATCH_SIZE
    """Texts in a batch of `RunContext.batches`."""
    command: str = ""
    """The command that asks for the runs, to be shown with them; empty: a program does."""


def execute(
    spec: RunSpec,
    identity: Identity,
    folder: Path,
    networks: "NetworkCache",
    execution: ExecutionOptions,
) -> None:
    """Runs ``spec`` and writes findings and manifest into ``folder``.

    Raises:
        RunFailed: the method or study raised; ``failure.json`` in ``folder`` holds its traceback.
        BadModel, BadFile, BadDevice: models or device cannot be used.
    """
    checkpoints = Checkpoints(folder, source_hash(spec.method.implementation))
    resumed = checkpoints.found
    for leftover in folder.iterdir():
        if not (resumed and leftover.name.startswith(("checkpoint", "artifacts"))):
            remove(leftover)
    about = RunAbout(method=identity.method, labels=spec.labels, command=execution.command)
    _write(folder / ABOUT_FILE, about)
    try:
        findings, manifest = _run_and_record(spec, identity, checkpoints, networks, execution)
    except DiffkitError:
        raise  # its message says what to do
    except (Exception, SystemExit) as error:  # a library that exits must not end the sweep
        raise _record_failure(spec, folder, error) from error
    checkpoints.clear()
    remove(folder / ABOUT_FILE)
    _write(folder / "findings.json", findings)
    _write(folder / "manifest.json", manifest.model_copy(update={"resumed": resumed}))


def _run_and_record(
    spec: RunSpec,
    identity: Identity,
    checkpoints: Checkpoints,
    networks: "NetworkCache",
    execution: ExecutionOptions,
) -> tuple[Findings, Manifest]:
    implementation = load_implementation(spec.method)
    with open_models(spec.subject, execution.device, networks) as loaded:
        device = str(loaded.device)
        started, clock = datetime.now(UTC), time.perf_counter()
        with PeakMemory(device) as peak:
            findings = _run(implementation, loaded.subject, spec, checkpoints, execution)
        seconds = time.perf_counter() - clock
    manifest = Manifest(
        digest=identity.digest,
        identity=identity,
        options=spec.config.model_dump(mode="json"),
        device=device,
        versions=versions(),
        source=checkpoints.source,
        git=git_state(spec.method.implementation),
        started=started.isoformat(timespec="milliseconds"),
        seconds=seconds,
        peak_bytes=peak.bytes,
        change_score=findings.change_score,
        labels=spec.labels,
        command=execution.command,
    )
    return findings, manifest


def _run(
    implementation: Any,
    subject: Any,
    spec: RunSpec,
    checkpoints: Checkpoints,
    execution: ExecutionOptions,
) -> Findings:
    import torch

    from diffkit.runs.readings import with_readings

    readable = readable_texts(subject, spec.texts)
    if readable.note:
        log.warning("%s", readable.note)
    context = RunContext(
        seed=spec.seed,
        texts=readable.texts,
        artifacts=Artifacts(checkpoints.folder / "artifacts"),
        checkpoints=checkpoints,
        progress=execution.progress,
        status=execution.status,
        batch_size=execution.batch_size,
    )
    torch.manual_seed(spec.seed)
    try:
        if isinstance(implementation, Study):
            findings = checked_findings(implementation.run(subject, spec.config, context))
        else:
            findings = run_method(implementation, subject, spec.config, context)
    finally:
        execution.status("")  # the status of this run is not that of the sweep's next
    if isinstance(implementation, Study) and findings.change_score is not None:
        msg = "a study of one model has no change score"
        raise TypeError(msg)
    _check_finite(findings.model_dump(), "")
    notes = (Note(text=readable.note),) if readable.note else ()
    findings = findings.model_copy(update={"items": (*findings.items, *notes)})
    if isinstance(implementation, Study):
        return findings
    return with_readings(findings, subject, context)


def _check_finite(value: Any, field: str) -> None:
    """Refuses numbers that JSON cannot hold; records refuse them too, but may be copied around it.

    Raises:
        ValueError: a number is not finite; the message names its field.
    """
    if isinstance(value, float) and not math.isfinite(value):
        msg = f"{field} is {value}, which is not finite"
        raise ValueError(msg)
    inner: Iterable[tuple[Any, Any]] = ()
    if isinstance(value, Mapping):
        inner = value.items()
    elif isinstance(value, list | tuple):
        inner = enumerate(value)
    for key, each in inner:
        _check_finite(each, f"{field}.{key}" if field else str(key))


def _record_failure(spec: RunSpec, folder: Path, error: BaseException) -> Exception:
    """Writes a failure into the work folder; the error to raise says it in one line."""
    if _disk_full(error):
        return OSError(errno.ENOSPC, "no space left")
    reason = one_line(error)
    failure = {"error": reason, "traceback": traceback.format_exc()}
    (folder / "failure.json").write_text(json.dumps(failure, indent=1))
    what = f"The {kind_noun(spec.method)} {spec.method.name!r} failed: {reason.rstrip(' .:')}."
    return RunFailed(what, hint=f"Its traceback is in {folder / 'failure.json'}")


def _disk_full(error: BaseException) -> bool:
    """Whether the disk is full; safetensors reports it only in the message."""
    return getattr(error, "errno", None) == errno.ENOSPC or "os error 28" in str(error)


def _write(path: Path, record: Findings | Manifest | RunAbout) -> None:
    path.write_text(record.model_dump_json(indent=1) + "\n", encoding="utf-8")
