"""The public conformance suite: does a method keep what `DiffingMethod` promises?

Add ``pytest_plugins = ["diffkit.testing.fixtures"]`` to your top ``conftest.py``, and write:

    def test_it_conforms(conforms):
        conforms(SPEC)
"""

from diffkit.testing.conformance import assert_conforms
from diffkit.testing.models import tiny_adapter, tiny_base

__all__ = ["assert_conforms", "tiny_adapter", "tiny_base"]
