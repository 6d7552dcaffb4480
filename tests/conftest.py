"""Fixtures of all tests. beartype comes first: imported after nnsight, it fails."""

import os
import sys
import threading
from pathlib import Path

import beartype  # noqa: F401
from jaxtyping import _import_hook as import_hook

_SOURCE_TO_CODE = import_hook._JaxtypingLoader.source_to_code
_ONE_AT_A_TIME = threading.Lock()


def _source_to_code(loader, data, path, *, _optimize=-1):
    """The same, one module at a time: threads that import at once break CPython 3.11.

    It counts the depth of syntax trees for all threads together, and jaxtyping makes one for each
    module without bytecode: "SystemError: AST constructor recursion depth mismatch".
    """
    with _ONE_AT_A_TIME:
        return _SOURCE_TO_CODE(loader, data, path, _optimize=_optimize)


import_hook._JaxtypingLoader.source_to_code = _source_to_code

os.environ.setdefault("DIFFKIT_TEST_MODELS", os.environ.get("DIFFKIT_MODELS", ""))  # for tests/real
os.environ["DIFFKIT_MODELS"] = os.devnull  # the others know no real models, whoever runs them

sys.path.append(str(Path(__file__).parent / "stranger"))

pytest_plugins = ["diffkit.testing.fixtures"]
