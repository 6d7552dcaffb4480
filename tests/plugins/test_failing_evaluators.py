"""An investigator or grader that exits, or whose words begin with an empty line, costs its own."""

import pytest

from diffkit.case import Case, Evidence
from diffkit.errors import RunFailed
from diffkit.evaluation import ConfiguredPlugin
from diffkit.evaluation.attempts import AttemptRunner
from diffkit.evaluation.grading import GradeRunner
from diffkit.findings import Findings
from diffkit.grader import AnswerSheet
from diffkit.method import MethodConfig
from diffkit.registry.specs import Spec
from diffkit.runs.store import Store
from diffkit.verdict import Attempt, Outcome

SOURCE = """
class E:
    needs, stochastic, grades_attempt = frozenset(), False, True

    def investigate(self, *_):
        {raising}

    grade = investigate
"""


@pytest.fixture(
    params=[
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("raise ValueError('\\nsecond line')", "ValueError: second line"),
        ("raise LookupError", "LookupError"),
    ],
    ids=["exits", "newline", "wordless"],
)
def failing(request, tmp_path, monkeypatch):
    """A component that fails, and the line that should be said of it."""
    raising, line = request.param
    module = f"dk_{request.node.callspec.id}_{tmp_path.name}"
    (tmp_path / f"{module}.py").write_text(SOURCE.format(raising=raising))
    monkeypatch.syspath_prepend(str(tmp_path))
    spec = Spec("failing", "A test", 1, f"{module}:C", f"{module}:E")
    return ConfiguredPlugin(spec, MethodConfig()), line


def test_an_investigator_that_fails_is_an_attempt_that_failed(failing, tmp_path):
    component, line = failing
    case = Case(handle="x", evidence=(Evidence(findings=Findings(change_score=0)),))
    made = AttemptRunner(Store(tmp_path / "store").prepare()).run(case, component)
    assert (made.outcome, made.error) == (Outcome.FAILED, line)


def test_a_grader_that_fails_says_so_in_a_line(failing, tmp_path):
    component, line = failing
    sheet = AnswerSheet(truth="none", answer=None, statements=())
    tried = Attempt(digest="x", outcome=Outcome.NO_EVIDENCE)
    with pytest.raises(RunFailed) as caught:
        GradeRunner(Store(tmp_path / "store").prepare()).grade(tried, sheet, component)
    assert str(caught.value) == f"The grader 'failing' failed: {line}"
