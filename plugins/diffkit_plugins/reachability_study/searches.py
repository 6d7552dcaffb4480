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
from diffkit_plugins.residual_reachability.solvers.objective import ResidualMap


@dataclass(frozen=True)
class RowResults:
    """What searches ended with."""

    curves: Float[Tensor, "rows points"]
    """MSE at the steps that are kept."""
    mse: Float[Tensor, " rows"]
    """Of the best prompt."""
    cosines: Float[Tensor, "rows length"]
    """Of what the best prompt leads to with the target."""
    norms: Float[Tensor, " rows"]
    """Largest norm of a position of the best prompt."""

    def __add__(self, more: "RowResults") -> "RowResults":
        """These rows, then those."""
        own, others = self.named(), more.named()
        return RowResults(**{name: torch.cat([own[name], others[name]]) for name in own})

    def __len__(self) -> int:
        return len(self.mse)

    def named(self) -> dict[str, Tensor]:
        """The tensors by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


class RowCheckpoint:
    """All rows so far, by the condition, solver and number of steps that they belong to."""

    def __init__(self, checkpoints: Checkpoints) -> None:
        self._checkpoints = checkpoints
        last = checkpoints.load()
        self._rows = {} if last is None else _row_results(last.tensors)

    def done(self, key: str) -> int:
        """How many rows of ``key`` there are."""
        return len(self._rows[key]) if key in self._rows else 0

    def __getitem__(self, key: str) -> RowResults:
        """The rows of ``key``."""
        return self._rows[key]

    def add(self, key: str, rows: RowResults) -> None:
        """Appends rows and saves the checkpoint."""
        self._rows[key] = self._rows[key] + rows if key in self._rows else rows
        tensors = {
            f"{key}/{name}": tensor
            for key, kept in self._rows.items()
            for name, tensor in kept.named().items()
        }
        self._checkpoints.save(tensors, {})


def _row_results(tensors: Mapping[str, Tensor]) -> dict[str, RowResults]:
    keys = dict.fromkeys(name.rpartition("/")[0] for name in tensors)
    names = [field.name for field in fields(RowResults)]
    return {key: RowResults(**{name: tensors[f"{key}/{name}"] for name in names}) for key in keys}


@dataclass(frozen=True)
class BatchSearch:
    """What all searches of a study share."""

    starts: Float[Tensor, "restarts length hidden"]
    """First prompts, as many as any task has restarts."""
    vocabulary: TokenEmbeddings
    ledger: RowCheckpoint
    context: RunContext
    batch_size: int

    def outcomes(self, task: ExperimentTask, solver: Solver) -> list[ConditionOutcome]:
        """Searches for each target from each start; finished rows are taken from the ledger.

        Returns:
            One outcome for each condition.
        """
        targets, name = task.targets.flatten(0, 1), task.conditions[0].experiment
        key = f"{name}|{solver.name}|{solver.steps}"
        total = len(targets) * task.restarts
        done = self.ledger.done(key)
        batches = torch.split(torch.arange(done, total), self.batch_size) if done < total else ()
        before = done // self.batch_size
        shown = self.context.progress(
            batches,
            label=f"experiment {name}, {solver.name}",
            total=before + len(batches),
            done=before,
        )
        for rows in shown:
            wanted, starts = targets[rows // task.restarts], self.starts[rows % task.restarts]
            self.ledger.add(key, self._search(task.reference.trunk, wanted, starts, solver))
        return _outcomes(task, solver, self.ledger[key])

    def _search(
        self,
        trunk: ResidualMap,
        targets: Float[Tensor, "rows length hidden"],
        starts: Float[Tensor, "rows length hidden"],
        solver: Solver,
    ) -> RowResults:
        found = solver.search(trunk, targets, starts, self.vocabulary)
        streams = trunk(found.prompts)
        points = kept_points(len(found.losses) - 1).to(found.losses.device)
        return RowResults(
            curves=found.losses[points].T.float().cpu(),
            mse=(streams - targets).float().square().mean(dim=(1, 2)).cpu(),
            cosines=cosine_similarity(streams.float(), targets.float(), dim=-1).cpu(),
            norms=found.prompts.float().norm(dim=-1).amax(dim=1).cpu() / self.vocabulary.norm,
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
