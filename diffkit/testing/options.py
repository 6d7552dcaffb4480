"""Requirements of options of methods and studies, and of arguments of tools."""

import subprocess
import sys
from typing import Any, get_args

from pydantic.fields import FieldInfo

from diffkit.errors import DiffkitError
from diffkit.method import MethodConfig
from diffkit.registry.specs import Spec

_BOUNDS = ("ge", "gt", "le", "lt", "multiple_of")


def assert_options_conform(spec: Spec) -> None:
    """Checks that options have defaults, words, bounds, and load without torch.

    Raises:
        AssertionError: a requirement is violated; the message says which, and of which option.
    """
    try:
        config = spec.load_config()
    except DiffkitError as error:
        raise AssertionError(str(error)) from error
    if not issubclass(config, MethodConfig):
        msg = f"the options of {spec.name!r} are no MethodConfig"
        raise AssertionError(msg)
    for name, field in config.model_fields.items():
        if field.is_required():
            msg = f"option {name!r} has no default"
            raise AssertionError(msg)
        assert_field_conforms(f"option {name!r}", field)
    _assert_light(spec.config.partition(":")[0])


def assert_field_conforms(name: str, field: FieldInfo) -> None:
    """Checks that a field has words, and a number bounds.

    Raises:
        AssertionError: it has not; the message begins with ``name``.
    """
    if not field.description:
        msg = f"{name} has no docstring"
        raise AssertionError(msg)
    if _is_number(field.annotation) and not any(
        getattr(bound, kind, None) is not None for bound in field.metadata for kind in _BOUNDS
    ):
        msg = f"{name} is a number without bounds"
        raise AssertionError(msg)


def _is_number(annotation: Any) -> bool:
    kinds = get_args(annotation) or (annotation,)
    return int in kinds or float in kinds


def _assert_light(module: str) -> None:
    """Checks in a fresh interpreter that importing ``module`` leaves torch out."""
    code = f"import sys, {module}; sys.exit('torch' in sys.modules)"
    paths = f"import sys; sys.path[:] = {sys.path!r}; "
    done = subprocess.run([sys.executable, "-c", paths + code], capture_output=True, check=False)  # noqa: S603
    if done.returncode:
        reason = done.stderr.decode().strip().splitlines()[-1:] or ["it imports torch"]
        msg = f"the options module {module!r} does not load without torch: {reason[0]}"
        raise AssertionError(msg)
