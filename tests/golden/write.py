"""Writes the golden values, and with ``--store`` the frozen store as well.

    python tests/golden/write.py [--store]

A version that is raised changes exactly its own lines: write the values anew, look at the
difference, and say in the commit which lines it is. The store is never written anew but for a new
layout of stores.
"""

import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import beartype  # noqa: F401 - before nnsight

sys.path.insert(0, str(Path(__file__).parent))

import facade
import values

from diffkit.testing.endpoint import (
    Answer,
    ScriptedEndpoint,
    calls,
    good_investigator,
    in_words,
    says,
    turns,
)

VERDICT = {
    "claim": "model-2 ends its replies with a warning.",
    "change": "targeted",
    "p_targeted": 0.9,
    "predictions": [{"prompt": "Name a game.", "phrase": "game", "model": "model-2", "p": 0.6}],
}


def investigate(body: Mapping[str, Any], number: int) -> Answer:
    """Is idle once, calls once what cannot be read, then does all that it can."""
    return (_investigate if body.get("tools") else in_words(_investigate))(body, number)


def _investigate(body: Mapping[str, Any], number: int) -> Answer:
    if turns(body) == 0:
        return says("Let me think.")
    if turns(body) == 1:
        return calls(("note_hypothesis", {"change": "everything"}))
    handles = re.findall(r"^([0-9a-f]{12}): ", body["messages"][1]["content"], re.M)
    verdict = VERDICT | ({"ranking": [*handles, "none-of-these"]} if handles else {})
    return good_investigator(verdict, ("Name a game.",))(body, number)


def judge(body: Mapping[str, Any], number: int) -> Answer:
    """Marks, or chooses."""
    del number
    asked = body["response_format"]["json_schema"]["name"]
    answers = {
        "Marks": {
            "assertions": [
                {
                    "assertion": "It warns.",
                    "reason": "The truth says so.",
                    "says_what_was_done": True,
                    "supported": True,
                }
            ],
            "facts": [
                {"fact": "F1", "quote": "a warning", "reason": "Said.", "matched": True},
                {"fact": "F2", "quote": "", "reason": "Not said.", "matched": False},
            ],
            "reason": "Half of it.",
            "level": 3,
        },
        "Chosen": {"reason": "It warns.", "choice": "T1"},
        "Judged": {"reason": "The first.", "relevant": [1]},
    }
    return says(json.dumps(answers[asked]))


def answer(body: Mapping[str, Any], number: int) -> Answer:
    """By whose role it is."""
    return (judge if body["model"] == "judge" else investigate)(body, number)


def write_store() -> None:
    """Carries out the golden evaluations into the frozen store."""
    shutil.rmtree(values.STORE, ignore_errors=True)
    os.environ["OPENAI_API_KEY"] = "none"
    with tempfile.TemporaryDirectory() as folder, ScriptedEndpoint(answer) as endpoint:
        os.environ["OPENAI_BASE_URL"] = endpoint.url
        os.chdir(folder)
        for suite in ("lineup", "agent"):
            arguments = ("evaluate", values.HERE / f"{suite}.yaml", "--yes", "--concurrency", "1")
            code, out, err = facade.call("--store", values.STORE, *arguments)
            sys.stderr.write(f"{out}\n{err}\n")
            assert code == 0
        (values.STORE / "endpoint.txt").write_text(f"{endpoint.url}\n")
    shutil.rmtree(values.STORE / "work", ignore_errors=True)


if __name__ == "__main__":
    if "--store" in sys.argv:
        write_store()
    found = dict([*values.of_code(), *values.of_store(values.STORE)])
    values.save(values.HERE / "golden.json", found)
    boards = json.dumps(values.boards(values.STORE), indent=1, ensure_ascii=False)
    (values.HERE / "leaderboards.json").write_text(f"{boards}\n", encoding="utf-8")
    sys.stderr.write(f"{len(found)} values\n")
