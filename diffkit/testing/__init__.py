"""The public conformance suite: does a plugin keep its contract?

Add ``pytest_plugins = ["diffkit.testing.fixtures"]`` to your top ``conftest.py``, and write:

    def test_it_conforms(conforms):  # a method, with its tools
        conforms(SPEC)

The fixtures `study_conforms`, `investigator_conforms` and `grader_conforms` check a study, an
investigator and a grader in the same way.
"""

from diffkit.testing.conformance import assert_conforms
from diffkit.testing.graders import assert_grader_conforms
from diffkit.testing.investigators import assert_investigator_conforms
from diffkit.testing.models import tiny_adapter, tiny_base
from diffkit.testing.studies import assert_study_conforms

__all__ = [
    "assert_conforms",
    "assert_grader_conforms",
    "assert_investigator_conforms",
    "assert_study_conforms",
    "tiny_adapter",
    "tiny_base",
]
