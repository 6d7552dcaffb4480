"""Runs searches in batches, and resumes an interrupted run from its checkpoint.

Takes targets and a solver. Gives one outcome for each condition.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import cosine_similarity

from diffkit import Checkpoints, RunContext
from diffkit_plugins.reachability_study.outcomes import ConditionOutcome, kept_points
from diffkit_plugins.reachability_study.prompts import TokenEmbeddings
from diffkit_plugins.reachability_study.solvers import Solver
from diffkit_plugins.reachability_study.targets import ExperimentTask
from diffkit_plugins.residual_reachability.solvers import ResidualMap


@dataclass(frozen=True)
class RowResults:
    """The results of searches, one row each."""

    curves: Float[Tensor, "rows points"]
    """MSE at the recorded steps."""
    mse: Float[Tensor, " rows"]
    """MSE of the best prompt."""
    cosines: Float[Tensor, "rows length"]
    """Cosine similarity between the best prompt's stream and the target, by position."""
    norms: Float[Tensor, " rows"]
    """Largest norm over the positions of the best prompt, in typical token embeddings."""

    def __add__(self, more: "RowResults") -> "RowResults":
        """Concatenates the rows."""
        own, others = self.tensors(), more.tensors()
        return RowResults(**{name: torch.cat([own[name], others[name]]) for name in own})

    def __len__(self) -> int:
        return len(self.mse)

    def tensors(self) -> dict[str, Tensor]:
        """The tensors by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


class RowCheckpoint:
    """The finished rows by key, which names the experiment, the solver and its steps."""

    def __init__(self, checkpoints: Checkpoints) -> None:
        self._checkpoints = checkpoints
        last = checkpoints.load()
        self._rows = {} if last is None else _row_results(last.tensors)

    def count(self, key: str) -> int:
        """The number of finished rows of ``key``."""
        return len(self._rows[key]) if key in self._rows else 0

    def __getitem__(self, key: str) -> RowResults:
        """The finished rows of ``key``."""
        return self._rows[key]

    def add(self, key: str, rows: RowResults) -> None:
        """Appends rows and saves the checkpoint."""
        self._rows[key] = self._rows[key] + rows if key in self._rows else rows
        tensors = {
            f"{key}/{name}": tensor
            for key, kept in self._rows.items()
            for name, tensor in kept.tensors().items()
        }
        self._checkpoints.save(tensors, {})


def _row_results(tensors: Mapping[str, Tensor]) -> dict[str, RowResults]:
    keys = dict.fromkeys(name.rpartition("/")[0] for name in tensors)
    names = [field.name for field in fields(RowResults)]
    return {key: RowResults(**{name: tensors[f"{key}/{name}"] for name in names}) for key in keys}


@dataclass(frozen=True)
class BatchSearch:
    """Searches in batches, with starts, embeddings and a checkpoint that all tasks share."""

    starts: Float[Tensor, "restarts length hidden"]
    """First prompts of the restarts."""
    vocabulary: TokenEmbeddings
    checkpoint: RowCheckpoint
    context: RunContext
    batch_size: int

    def run(self, task: ExperimentTask, solver: Solver) -> list[ConditionOutcome]:
        """Searches for each target from each start; finished rows are read from the checkpoint.

        Returns:
            One outcome for each condition.
        """
        targets, name = task.targets.flatten(0, 1), task.conditions[0].experiment
        key = f"{name}|{solver.name}|{solver.steps}"
        total = len(targets) * task.restarts
        done = self.checkpoint.count(key)
        batches = torch.split(torch.arange(done, total), self.batch_size) if done < total else ()
        before = done // self.batch_size
        shown = self.context.progress(
            batches,
            label=f"experiment {name}, {solver.name}",
            total=before + len(batches),
            done=before,
        )
        for rows in shown:
            own, starts = targets[rows // task.restarts], self.starts[rows % task.restarts]
            found = self._search(task.reference.residual_map, own, starts, solver)
            self.checkpoint.add(key, found)
        return _outcomes(task, solver, self.checkpoint[key])

    def _search(
        self,
        residual_map: ResidualMap,
        targets: Float[Tensor, "rows length hidden"],
        starts: Float[Tensor, "rows length hidden"],
        solver: Solver,
    ) -> RowResults:
        result = solver.search(residual_map, targets, starts, self.vocabulary)
        streams = residual_map(result.prompts)
        points = kept_points(len(result.losses) - 1).to(result.losses.device)
        return RowResults(
            curves=result.losses[points].T.float().cpu(),
            mse=(streams - targets).float().square().mean(dim=(1, 2)).cpu(),
            cosines=cosine_similarity(streams.float(), targets.float(), dim=-1).cpu(),
            norms=result.prompts.float().norm(dim=-1).amax(dim=1).cpu() / self.vocabulary.norm,
        )


def _outcomes(task: ExperimentTask, solver: Solver, rows: RowResults) -> list[ConditionOutcome]:
    shape = (*task.targets.shape[:2], task.restarts)
    curves = rows.curves.T.reshape(-1, *shape)
    mse, norms = rows.mse.reshape(shape), rows.norms.reshape(shape)
    cosines = rows.cosines.reshape(*shape, -1)
    return [
        ConditionOutcome(
            condition=condition,
            solver=solver.name,
            budget=solver.budget,
            steps=kept_points(solver.steps),
            curves=curves[:, number],
            mse=mse[number],
            cosines=cosines[number],
            norms=norms[number],
            power=targets.float().square().mean(dim=(1, 2)).cpu(),
            floor=task.reference.floor(targets),
        )
        for number, (condition, targets) in enumerate(
            zip(task.conditions, task.targets, strict=True)
        )
    ]
