"""The public conformance suite: does a plugin keep what its contract promises?

Add ``pytest_plugins = ["diffkit.testing.fixtures"]`` to your top ``conftest.py``, and write:

    def test_it_conforms(conforms):  # a method, with its tools; `study_conforms` for a study
        conforms(SPEC)
"""

from diffkit.testing.conformance import assert_conforms
from diffkit.testing.models import tiny_adapter, tiny_base
from diffkit.testing.studies import assert_study_conforms

__all__ = ["assert_conforms", "assert_study_conforms", "tiny_adapter", "tiny_base"]
