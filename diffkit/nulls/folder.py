"""The folder that nulls are made in: organisms, weights, data, and what was measured of them."""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from diffkit.errors import UserError
from diffkit.organism import BaseModelEntry, Finetuned, Record
from diffkit.runs.files import write_atomically
from diffkit.texts import Text

HEADER = "# Written by `diffkit nulls make`; the same command changes it.\n"
MEASURED = "measured.json"
"""File of the scales and loudness that were found, by digest of what they are of."""


@dataclass(frozen=True)
class NullFolder:
    """A folder of nulls. Every file is written completely or not at all."""

    root: Path

    def prepare(self) -> None:
        """Makes the folders.

        Raises:
            UserError: they cannot be made.
        """
        try:
            for name in ("organisms", "weights", "recipes", "data"):
                (self.root / name).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            what = f"{str(self.root)!r} cannot be written ({error.strerror})."
            raise UserError(what, hint="Choose another folder: --out FOLDER.") from error

    def organism_file(self, name: str) -> Path:
        """The file of an organism."""
        return self.root / "organisms" / f"{name}.yaml"

    def write_organism(self, name: str, summary: str, base: str, sides: Mapping[str, Any]) -> None:
        """Writes an organism without a purpose.

        Args:
            name: its name.
            summary: one line for listings.
            base: name of its base.
            sides: variant → how its finetuned side is made.
        """
        fields = {
            "name": name,
            "family": "null",
            "summary": summary,
            "truth": "unspecific",
            "models": {base: {variant: self._side(side) for variant, side in sides.items()}},
        }
        self._write_yaml(self.organism_file(name), fields)

    def write_subject(self, name: str, base: str, finetuned: Finetuned) -> Path:
        """Writes the finetuning itself as an organism of which nothing is known; gives its file.

        Args:
            name: its name.
            base: name of its base.
            finetuned: how its finetuned side is made.
        """
        fields = {
            "name": name,
            "family": "unknown",
            "summary": "A finetuning whose purpose is not known",
            "truth": "targeted",
            "answer_key": {"statement": "Its purpose is not known."},
            "models": {base: {"default": self._side(finetuned)}},
        }
        self._write_yaml(self.organism_file(name), fields)
        return self.organism_file(name)

    def write_suite(self, tested: Mapping[str, str], base: str, nulls: Mapping[str, Path]) -> Path:
        """Writes a suite that tests the finetuning against all its nulls; gives its file.

        Args:
            tested: organism (by name or absolute file) and variant of the finetuning.
            base: name of its base, or its absolute file.
            nulls: null type → file of its organism.
        """
        calibration = [
            {"organism": os.path.relpath(file, self.root), "rung": null_type}
            for null_type, file in nulls.items()
        ]
        fields = {
            "name": self.root.name,
            "base": base,
            "organisms": [dict(tested)],
            "methods": ["kl"],
            "calibration": calibration,
        }
        file = self.root / "suite.yaml"
        self._write_yaml(file, fields)
        return file

    def _side(self, side: Finetuned) -> Any:
        """A finetuned side as its YAML has it: what is in this folder, by a relative path."""

        def moved(value: Any) -> Any:
            if not isinstance(value, dict):
                return value
            inner = {name: moved(one) for name, one in value.items()}
            if isinstance(at := inner.get("at"), str) and Path(at).is_relative_to(self.root):
                inner["at"] = os.path.relpath(at, self.root / "organisms")
            return inner

        return moved(side.model_dump(mode="json", exclude_none=True))

    def write_base(self, base: BaseModelEntry) -> Path:
        """Writes the entry of a base that is not known by name; gives its file."""
        (self.root / "bases").mkdir(exist_ok=True)
        fields = base.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
        file = self.root / "bases" / f"{base.name}.yaml"
        self._write_yaml(file, fields)
        return file

    def write_recipe(self, name: str, fields: Mapping[str, Any]) -> Path:
        """Writes a recipe; gives its file."""
        file = self.root / "recipes" / f"{name}.yaml"
        self._write_yaml(file, fields)
        return file

    def write_texts(self, name: str, texts: tuple[Text, ...]) -> Path:
        """Writes texts as JSONL, unless they are there; gives their file."""
        file = self.root / "data" / f"{name}.jsonl"
        lines = (one.model_dump_json(exclude_defaults=True) for one in texts)
        write_atomically(file, "".join(f"{line}\n" for line in lines))
        return file

    def _write_yaml(self, file: Path, fields: Mapping[str, Any]) -> None:
        text = yaml.safe_dump(dict(fields), sort_keys=False, allow_unicode=True, width=100)
        write_atomically(file, HEADER + text)

    def measured(self, key: str) -> dict[str, Any] | None:
        """What was measured under ``key``; none if nothing was."""
        found = self._read_measured().get(key)
        return found if isinstance(found, dict) else None

    def keep_measured(self, key: str, value: Record | Mapping[str, Any]) -> None:
        """Keeps what was measured under ``key``."""
        fields = value.model_dump(mode="json") if isinstance(value, Record) else dict(value)
        known = self._read_measured() | {key: fields}
        write_atomically(self.root / MEASURED, json.dumps(known, indent=1, sort_keys=True) + "\n")

    def forget_measured(self) -> None:
        """Forgets all that was measured."""
        (self.root / MEASURED).unlink(missing_ok=True)

    def _read_measured(self) -> dict[str, Any]:
        try:
            known = json.loads((self.root / MEASURED).read_text(encoding="utf-8"))
        except (OSError, ValueError):  # missing or damaged: it is measured again
            return {}
        return known if isinstance(known, dict) else {}


def file_name(name: str) -> str:
    """``name`` as the name of a file and of an organism: letters, digits, dots, dashes."""
    return re.sub(r"[^\w.-]+", "-", name).strip("-.") or "model"
