"""A plugin that only the tests install: fast, and able to be slow, to fail and to go on.

What steers it without entering a key is in the environment: DK_WORLD (a folder of organisms),
DK_LOG (where each step of each run is noted) and DK_FAIL (``investigator`` or ``grader``).
"""

import os
from pathlib import Path

from diffkit import Register, RegisterFolder, Spec, hookimpl


def _spec(name: str, config: str, implementation: str, **fields: str) -> Spec:
    return Spec(
        name=name,
        summary=f"Test {name}",
        version=1,
        config=f"dk_stranger.config:{config}",
        implementation=f"dk_stranger.{implementation}",
        **fields,
    )


@hookimpl
def register_methods(register: Register) -> None:
    register(_spec("echo", "EchoConfig", "method:Echo"))
    register(_spec("raises", "Nothing", "method:Raises"))
    register(_spec("survey", "SurveyConfig", "study:Survey", subject="model"))


@hookimpl
def register_organisms(register: RegisterFolder) -> None:
    if world := os.environ.get("DK_WORLD"):
        register(Path(world))


@hookimpl
def register_investigators(register: Register) -> None:
    register(_spec("blunt", "BluntConfig", "judges:Blunt"))


@hookimpl
def register_graders(register: Register) -> None:
    register(_spec("strict", "Nothing", "judges:Strict"))
