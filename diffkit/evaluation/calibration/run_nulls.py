"""The scores of nulls that one finished run can be compared with.

Takes a run, the catalogue, calibration tables and the store. Gives change scores by null type, of
nulls that were read by the same method under the same conditions.
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

from diffkit.errors import DiffkitError
from diffkit.evaluation.calibration.table import CalibrationRow
from diffkit.organism import BaseModelEntry, Control, Finetuned, Identical, sources
from diffkit.registry.catalogue import Catalogue
from diffkit.runs.manifest import Identity, Manifest, read_run
from diffkit.runs.spec import PairSpec
from diffkit.runs.store import Store
from diffkit.verdict import Detection, NullTest

LEVEL = 0.05
"""Level of the test of a run."""


@dataclass(frozen=True)
class NullsOfRuns:
    """Finds the nulls of runs."""

    catalogue: Catalogue
    tables: Mapping[str, CalibrationRow]
    """Rows of calibration tables by digest of the run."""
    store: Store
    _known: dict[tuple[str, str], list[tuple[Identity, str]]] = field(default_factory=dict)

    def test(self, manifest: Manifest) -> Detection:
        """The test of a run's change score against each type of null that there is.

        Rows of tables count alone where there are any; else nulls' runs in the store.
        """
        found: dict[str, list[float]] = {}
        stored: dict[str, list[float]] = {}
        for digest, kind in self._nulls(manifest):
            if (row := self.tables.get(digest)) and row.change_score is not None:
                found.setdefault(row.rung, []).append(row.change_score)
            elif (score := self._stored(digest)) is not None:
                stored.setdefault(kind, []).append(score)
        scores = found or stored
        tests = {
            name: NullTest.of(manifest.change_score, own) for name, own in sorted(scores.items())
        }
        return Detection.of(tests, LEVEL)

    def _stored(self, digest: str) -> float | None:
        if not self.store.has("runs", digest):
            return None
        with suppress(DiffkitError):
            return read_run(self.store.place("runs", digest)).manifest.change_score
        return None

    def _nulls(self, manifest: Manifest) -> Iterator[tuple[str, str]]:
        """Digests that the run would have over each null of its base, and the kind of null."""
        own = manifest.identity
        base = self._base(manifest)
        if own.finetuned is None or base is None:
            return
        key = (base.name, own.dtype)
        if key not in self._known:
            self._known[key] = list(self._subjects(base, own))
        for subject, kind in self._known[key]:
            parts = {"finetuned": subject.finetuned, "tokenizer": subject.tokenizer}
            digest = own.model_copy(update=parts).digest
            if digest != manifest.digest:
                yield digest, kind

    def _base(self, manifest: Manifest) -> BaseModelEntry | None:
        name = manifest.labels.base
        places = {entry.source.at: entry for entry in self.catalogue.bases.values()}
        return self.catalogue.bases.get(name) or places.get(name)

    def _subjects(self, base: BaseModelEntry, own: Identity) -> Iterator[tuple[Identity, str]]:
        for organism in self.catalogue.organisms.values():
            if organism.truth != "unspecific":
                continue
            for finetuned in organism.models.get(base.name, {}).values():
                subject = _identity(base, finetuned, own)
                if subject and subject.base == own.base and subject.dtype == own.dtype:
                    yield subject, "random" if isinstance(finetuned, Control) else "benign"


def _identity(base: BaseModelEntry, finetuned: Finetuned, own: Identity) -> Identity | None:
    """The identity of a null, if its files are here; nothing is downloaded for it."""
    if isinstance(finetuned, Identical):
        return None
    try:
        if not all(Path(source.at).is_dir() for source in (base.source, *sources(finetuned))):
            return None
        subject = PairSpec.of(base, finetuned).identity()
    except (DiffkitError, OSError):
        return None
    return own.model_copy(update=asdict(subject))
