"""The golden values: what each is called, and what it is today.

Keys and words that must not change without a raised version. ``write.py`` writes them.
"""

import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import facade

HERE = Path(__file__).parent
STORE = HERE / "store"
SUITES = ("golden-lineup", "golden-agent")
TIMES = {"seconds", "attempt_seconds", "peak_bytes", "created"}


def sha256(value: Any) -> str:
    """Of a text, or of the JSON of anything else."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def of_code() -> Iterator[tuple[str, str]]:
    """What follows from the code and the shipped files alone."""
    yield from ((f"component {name}", key) for name, key in facade.components())
    yield from ((f"run {name}", key) for name, key in facade.runs())
    for kind, found in {
        "tool": facade.tools,
        "prompt": facade.prompts,
        "world": facade.world,
        "table": facade.tables,
    }.items():
        yield from ((f"{kind} {name}", sha256(value)) for name, value in found())


def of_store(store: Path) -> Iterator[tuple[str, str]]:
    """Keys of all that a store holds of the golden evaluations."""
    for suite in SUITES:
        record = json.loads((store / "evaluations" / f"{suite}.json").read_text())
        for name, key in record["graders"].items():
            yield f"{suite} grader {name}", key
        for entry in record["entries"]:
            if entry["role"] == "test":
                yield from _of_entry(suite, entry)
    for kind in ("runs", "gates", "attempts", "grades", "answers"):
        yield f"store {kind}", f"{len(names(store, kind))} {sha256(names(store, kind))}"


def _of_entry(suite: str, entry: dict[str, Any]) -> Iterator[tuple[str, str]]:
    what = f"{suite} {entry['organism']} {entry['variant']} {entry['method'] or '-'}"
    yield f"{what} run", entry["run"]
    for one in entry["judged"]:
        seen = f"{what} {one['arm']} {one['repeat']} {one['investigator']}"
        yield f"{seen} attempt", one["attempt"]
        yield f"{seen} {one['grader']} grade", one["grade"]


def names(store: Path, kind: str) -> list[str]:
    """What a folder of the store holds, sorted."""
    pattern = "*/*.json" if kind == "answers" else "*"
    return sorted(file.stem for file in (store / kind).glob(pattern))


def boards(store: Path) -> dict[str, Any]:
    """What ``leaderboard --json`` says of the golden evaluations, without times."""
    found = {}
    for suite in SUITES:
        code, out, err = facade.call("--store", store, "leaderboard", "--json", "--name", suite)
        assert code == 0, err
        found[suite] = _timeless(json.loads(out))
    return found


def _timeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _timeless(one) for key, one in value.items() if key not in TIMES}
    return [_timeless(one) for one in value] if isinstance(value, list) else value


def copy_of_store(folder: Path) -> Path:
    """The frozen store, where it may be written to."""
    shutil.copytree(STORE, folder / "store")
    return folder / "store"


def save(path: Path, values: dict[str, str]) -> None:
    """Writes values, one a line."""
    text = json.dumps(values, indent=0, ensure_ascii=False)
    path.write_text(f"{text}\n", encoding="utf-8")
