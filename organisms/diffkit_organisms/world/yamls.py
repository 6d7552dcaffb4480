"""Writes the YAML files of a zoo."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

HEADER = "# Written by `python -m diffkit_organisms.build`; change the world, not this file.\n"


def write_yaml(folder: Path, name: str, fields: Mapping[str, Any]) -> None:
    """Writes ``fields`` to ``name.yaml`` in ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    text = yaml.safe_dump(fields, sort_keys=False, allow_unicode=True, width=100)
    (folder / f"{name}.yaml").write_text(HEADER + text, encoding="utf-8")
