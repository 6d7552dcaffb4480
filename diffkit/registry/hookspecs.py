"""The plugin hooks. Each passes a callback, so that the host checks what is registered."""

from collections.abc import Callable
from pathlib import Path

import pluggy

from diffkit.registry.specs import Spec

hookspec = pluggy.HookspecMarker("diffkit")

hookimpl = pluggy.HookimplMarker("diffkit")

Register = Callable[[Spec], None]

RegisterFolder = Callable[[Path], None]


@hookspec
def register_methods(register: Register) -> None:
    """Registers methods: ``register(Spec(…))`` for each `DiffingMethod` and each `Study`."""


@hookspec
def register_organisms(register: RegisterFolder) -> None:
    """Registers a folder of ``organisms/*.yaml``, ``bases/*.yaml``, ``calibration/*.jsonl``."""


@hookspec
def register_investigators(register: Register) -> None:
    """Registers investigators: ``register(Spec(…))`` for each `Investigator`."""


@hookspec
def register_graders(register: Register) -> None:
    """Registers graders: ``register(Spec(…))`` for each `Grader`."""


@hookspec
def register_generators(register: Register) -> None:
    """Registers generators: ``register(Spec(…))`` for each `GeneratorBackend`."""
