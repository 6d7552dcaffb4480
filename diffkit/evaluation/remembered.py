"""What language models answered, kept in the store by the digest of what they were asked."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from diffkit.runs.files import write_atomically, writing
from diffkit.runs.store import Store


@dataclass(frozen=True)
class Remembered:
    """A `Memory` in the folder ``answers`` of a store.

    Args:
        store: the store.
        forget: whether what was answered before is not looked at; it is replaced then.
    """

    store: Store
    forget: bool = False

    def get(self, key: str) -> Mapping[str, Any] | None:
        """What was answered; none where nothing was, or its file is damaged."""
        if self.forget:
            return None
        try:
            found = json.loads(self._file(key).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return found if isinstance(found, dict) else None

    def put(self, key: str, answer: Mapping[str, Any]) -> None:
        """Keeps an answer."""
        file = self._file(key)
        with writing(self.store.root):
            file.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(file, json.dumps(answer, ensure_ascii=False))

    def _file(self, key: str) -> Path:
        return self.store.root / "answers" / key[:2] / f"{key}.json"
