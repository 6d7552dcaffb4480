"""Sweeps: many runs, grouped by base, each computed once."""

import contextlib
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from diffkit.errors import BadDevice, DiffkitError, StoreUnwritable
from diffkit.runs.execution import ExecutionOptions, execute
from diffkit.runs.files import write_atomically
from diffkit.runs.manifest import StoredRun
from diffkit.runs.provenance import source_hash
from diffkit.runs.spec import RunSpec
from diffkit.runs.store import POLL, Store

if TYPE_CHECKING:
    from diffkit.engine.loading.loader import NetworkCache

log = logging.getLogger("diffkit.runs")


@dataclass(frozen=True)
class RunResult:
    """How one run of a sweep ended."""

    spec: RunSpec
    digest: str
    how: Literal["computed", "found", "failed"]
    run: StoredRun | None = None
    failure: DiffkitError | None = None
    """The error; none if the run succeeded."""
    stale: bool = False
    """Whether the run was found in the store but made by other source of the same version."""

    @property
    def error(self) -> str:
        """The error and what to do about it; empty if the run succeeded."""
        return str(self.failure) if self.failure else ""


Batch = Sequence[RunSpec]
"""Runs that share a base, which is loaded once."""

Runner = Callable[[Sequence[Batch], Store, ExecutionOptions], Iterator[RunResult]]
"""Executes batches; a distributed engine can replace `run_batches`."""


def group_by_base(specs: Sequence[RunSpec]) -> list[Batch]:
    """Groups runs by base and number format, in order of first appearance."""
    groups: dict[object, list[RunSpec]] = {}
    for spec in specs:
        one = spec.subject
        groups.setdefault((one.base, one.dtype, one.attention), []).append(spec)
    return list(groups.values())


def run_batches(
    work: Sequence[Batch], store: Store, execution: ExecutionOptions
) -> Iterator[RunResult]:
    """Executes batches one after another in this process.

    A run that another process is computing is postponed; a failed run does not affect the others.

    Raises:
        StoreUnwritable: no further run could be kept.
        BadDevice: no further run could be made.
    """
    from diffkit.engine.loading.loader import NetworkCache

    for batch in work:
        with NetworkCache() as networks:
            waiting, told = list(batch), False
            while waiting:
                put_off = []
                for spec in waiting:
                    result = _one(spec, store, networks, execution)
                    if result is None:
                        put_off.append(spec)
                    else:
                        yield result
                waiting = put_off
                if waiting:
                    if not told:
                        log.info("Another process is computing %d of these runs.", len(waiting))
                    told = True
                    time.sleep(POLL)


def _one(
    spec: RunSpec, store: Store, networks: "NetworkCache", execution: ExecutionOptions
) -> RunResult | None:
    """One run; none while another process computes it."""
    digest = ""
    try:
        identity = spec.identity()
        digest = identity.digest
        if store.has("runs", digest) and not execution.fresh:
            run = _with_labels(store.run(digest), spec, execution)
            stale = run.manifest.source != source_hash(spec.method.implementation)
            return RunResult(spec, digest, "found", run, stale=stale)
        with store.work("runs", digest, fresh=execution.fresh) as folder:
            if folder is None:
                return None
            execute(spec, identity, folder, networks, execution)
    except (StoreUnwritable, BadDevice):
        raise
    except DiffkitError as error:
        return RunResult(spec, digest, "failed", failure=error)
    if not store.has("runs", digest):
        return None  # the lease was lost in the meantime, so nothing was published
    return RunResult(spec, digest, "computed", store.run(digest))


def _with_labels(run: StoredRun, spec: RunSpec, execution: ExecutionOptions) -> StoredRun:
    """A run that was found; one of an earlier version learns what it is about."""
    if run.manifest.labels.known or not spec.labels.known:
        return run
    news = {"labels": spec.labels, "command": run.manifest.command or execution.command}
    manifest = run.manifest.model_copy(update=news)
    with contextlib.suppress(OSError):  # a store that is read-only does without
        write_atomically(run.folder / "manifest.json", manifest.model_dump_json(indent=1) + "\n")
    return StoredRun(manifest, run.folder)
