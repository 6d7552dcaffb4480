"""Executes one run in its work folder and publishes it."""

import errno
import json
import time
import traceback
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from diffkit.context import Artifacts, Checkpoints, Progress, RunContext, no_progress
from diffkit.errors import DiffkitError, RunFailed
from diffkit.findings import Findings
from diffkit.runs.manifest import Identity, Manifest
from diffkit.runs.resources import PeakMemory, source_hash, versions
from diffkit.runs.spec import RunSpec

if TYPE_CHECKING:
    from diffkit.engine.load import Networks


@dataclass(frozen=True)
class Execution:
    """How runs are executed; plays no part in what they find."""

    device: str = "auto"
    """``cpu``, ``cuda``, ``cuda:1``, …; ``auto`` takes a GPU where there is one."""
    progress: Progress = no_progress


def execute(
    spec: RunSpec, identity: Identity, folder: Path, networks: "Networks", execution: Execution
) -> None:
    """Runs ``spec`` and leaves findings and manifest in ``folder``.

    Raises:
        RunFailed: the method raised; ``failure.json`` in ``folder`` holds its traceback.
    """
    from diffkit.engine.load import load_pair

    method = spec.method.load()
    pair_spec = spec.pair
    with load_pair(
        pair_spec.base,
        pair_spec.finetuned,
        device=execution.device,
        dtype=pair_spec.dtype,
        attention=pair_spec.attention,
        networks=networks,
    ) as pair:
        device = str(pair.base.device)
        started, clock = datetime.now(UTC), time.perf_counter()
        with PeakMemory(device) as peak:
            findings = _run(method, pair, spec, folder, execution)
        seconds = time.perf_counter() - clock
    manifest = Manifest(
        digest=identity.digest,
        identity=identity,
        options=spec.config.model_dump(mode="json"),
        device=device,
        versions=versions(),
        source=source_hash(spec.method.implementation),
        started=started.isoformat(timespec="milliseconds"),
        seconds=seconds,
        peak_bytes=peak.bytes,
    )
    _write(folder / "findings.json", findings)
    _write(folder / "manifest.json", manifest)


def _run(method: Any, pair: Any, spec: RunSpec, folder: Path, execution: Execution) -> Findings:
    import torch

    context = RunContext(
        seed=spec.seed,
        texts=spec.texts,
        artifacts=Artifacts(folder / "artifacts"),
        checkpoints=Checkpoints(folder),
        progress=execution.progress,
    )
    torch.manual_seed(spec.seed)
    try:
        findings = method.run(pair, spec.config, context)
        if not isinstance(findings, Findings):
            msg = f"run() returned {type(findings).__name__}, not Findings"
            raise TypeError(msg)
    except DiffkitError:
        raise  # it says by itself what to do
    except Exception as error:
        if _disk_full(error):
            raise OSError(errno.ENOSPC, "no space left") from error
        failure = {"error": repr(error), "traceback": traceback.format_exc()}
        (folder / "failure.json").write_text(json.dumps(failure, indent=1))
        what = f"The method {spec.method.name!r} failed: {type(error).__name__}: {error}"
        raise RunFailed(what, cure=f"Its traceback is in {folder / 'failure.json'}") from error
    return findings


def _disk_full(error: Exception) -> bool:
    """Safetensors reports a full disk in words alone."""
    return getattr(error, "errno", None) == errno.ENOSPC or "os error 28" in str(error)


def _write(path: Path, record: Findings | Manifest) -> None:
    path.write_text(record.model_dump_json(indent=1) + "\n", encoding="utf-8")
