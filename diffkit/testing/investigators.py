"""Checks that an investigator keeps its contract, on sample cases.

Takes what a plugin registers, gives the verdict on each sample case. An investigator that calls a
language model is checked with a scripted endpoint: name it in the options.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from diffkit.case import Case
from diffkit.chat.blinding import Blinding
from diffkit.chat.session import ChatSession
from diffkit.investigator import (
    AttemptContext,
    Investigator,
    InvestigatorNeed,
    NoVerdict,
    UsageEstimate,
)
from diffkit.method import MethodConfig
from diffkit.registry.specs import Spec
from diffkit.testing.cases import SampleModels, sample_cases
from diffkit.testing.options import assert_options_conform
from diffkit.testing.requirements import assert_named, require, set_random_state
from diffkit.verdict import NONE_OF_THESE, Verdict

REPEATS = 8
"""Repeats of each case in which a stochastic investigator must differ once."""

Result = Verdict | str
"""A verdict, or the outcome of an attempt without one."""


def assert_investigator_conforms(
    spec: Spec, *, options: Mapping[str, Any] | None = None
) -> Mapping[str, Result]:
    """Checks the contract of `Investigator`; returns the result on each sample case.

    Args:
        spec: what the plugin registers.
        options: options that differ from the defaults.

    Raises:
        AssertionError: the contract is broken; the message says where.
    """
    assert_named(spec.name, spec.summary)
    assert_options_conform(spec)
    trial = _Trial(spec, spec.load_config()(**(options or {})))
    trial.check_declarations()
    results = {}
    for name, case in sample_cases(candidates="candidates" in trial.needs).items():
        results[name] = _checked(trial, name, case)
    _check_flag(trial, results)
    _check_merging(trial)
    return results


@dataclass(frozen=True)
class _Trial:
    """One investigator with its options."""

    spec: Spec
    config: MethodConfig

    def make(self) -> Investigator[Any]:
        """A new instance."""
        made = self.spec.load()
        is_one = isinstance(made, Investigator)
        require(is_one, f"{self.spec.implementation!r} is an Investigator")
        return made  # type: ignore[no-any-return]

    @property
    def needs(self) -> frozenset[InvestigatorNeed]:
        return self.make().needs

    def check_declarations(self) -> None:
        """What it declares of itself."""
        investigator = self.make()
        unknown = sorted(set(investigator.needs) - set(get_args(InvestigatorNeed)))
        require(not unknown, f"an investigator needs nothing but what exists, not {unknown}")
        investigator.validate(self.config)
        estimate = investigator.estimate(self.config)
        if estimate is not None:
            require(isinstance(estimate, UsageEstimate), "estimate() gives a UsageEstimate or none")
            require(estimate.role == "investigator", "the estimate's role is investigator")

    def run(self, name: str, case: Case, *, repeat: int = 0, state: int = 0) -> Result:
        """The result on ``case``, with Python's and numpy's random state set by ``state``."""
        investigator, blinding = self.make(), Blinding()
        models = SampleModels(blinding) if case.questions else None
        chat = ChatSession(repeat=repeat, owner_digest=f"{case.handle} {name}")
        context = AttemptContext(blinding=blinding, models=models, chat=chat)
        set_random_state(state)
        try:
            verdict = investigator.investigate(case, self.config, context)
        except NoVerdict as error:
            return error.outcome.value
        except Exception as error:
            msg = f"violated requirement: on a case with {name} there is a verdict or NoVerdict"
            raise AssertionError(msg) from error
        kind = type(verdict).__name__
        require(isinstance(verdict, Verdict), f"investigate() returns a Verdict, not {kind}")
        roles = sorted(set(chat.usage) - {"investigator"})
        require(not roles, f"usage is counted for the role investigator, not {roles}")
        return verdict


def _checked(trial: _Trial, name: str, case: Case) -> Result:
    """The result on one case, which meets every requirement that one case can show."""
    before = case.model_dump_json()
    with _OpenedFiles() as opened:
        result = trial.run(name, case)
    truths = [path for path in opened.yaml_files if _holds_truth(path)]
    require(not truths, f"an investigator does not read the truth, as in {truths}")
    require(case.model_dump_json() == before, "an investigator leaves the case as it is")
    again = trial.run(name, case, state=1)
    require(again == result, f"the same case and repeat give the same verdict ({name})")
    if not trial.make().stochastic:
        renamed = case.model_copy(update={"handle": "pair-2"})
        same = trial.run(name, renamed) == result
        require(same, f"the opaque name of a pair does not change the verdict ({name})")
    if isinstance(result, Verdict):
        _check_verdict(name, case, result)
    if trial.needs & {"models"}:
        trial.run(name, case.model_copy(update={"questions": True}))
    return result


def _check_verdict(name: str, case: Case, verdict: Verdict) -> None:
    again = Verdict.model_validate_json(verdict.model_dump_json())
    require(again == verdict, "verdicts survive JSON")
    require(verdict.claim is None or bool(verdict.claim.strip()), "an empty claim is none")
    claimed = verdict.claim is not None or verdict.p_claim is None
    require(claimed, "there is a probability of the claim only with a claim")
    if not case.evidence and not case.questions:
        silent = verdict.change != "targeted" and verdict.claim is None
        require(silent, "without evidence nothing targeted is found and nothing is claimed")
    handles = [one.handle for one in case.candidates]
    ranked = [handle for handle in verdict.ranking if handle != NONE_OF_THESE]
    complete = sorted(ranked) == sorted(handles)
    require(complete, f"the ranking names each candidate of the case once ({name})")
    once = len(set(verdict.ranking)) == len(verdict.ranking)
    require(once, f"the ranking names {NONE_OF_THESE!r} at most once ({name})")
    if verdict.detection is not None:
        nulls = {null.rung for evidence in case.evidence for null in evidence.nulls}
        tested = set(verdict.detection.rungs)
        require(tested <= nulls, f"a score is tested against the nulls of the case ({name})")


def _check_merging(trial: _Trial) -> None:
    """Whether a merged claim is the one about all findings in one case, if there is any."""
    if trial.make().stochastic:
        return
    case = sample_cases(candidates="candidates" in trial.needs)["several methods"]
    each = [case.model_copy(update={"evidence": (one,)}) for one in case.evidence]
    results = [trial.run("several methods", one) for one in (*each, case)]
    claims = [one.claim or "" for one in results if isinstance(one, Verdict)]
    if len(claims) < len(results):
        return
    merged = trial.make().merge_claims(claims[:-1], trial.config)
    exact = merged is None or merged == claims[-1]
    require(exact, "merged claims are what is claimed of all findings, or none")


def _check_flag(trial: _Trial, results: Mapping[str, Result]) -> None:
    """Whether `Investigator.stochastic` is true of it."""
    stochastic = trial.make().stochastic
    if stochastic and trial.make().estimate(trial.config) is not None:
        return  # its language model is scripted here, and says the same each time
    cases = sample_cases(candidates="candidates" in trial.needs)
    differs = any(
        trial.run(name, cases[name], repeat=repeat) != result
        for name, result in results.items()
        for repeat in range(1, REPEATS)
    )
    if stochastic:
        require(differs, "repeats of a stochastic investigator differ at least once")
    else:
        require(not differs, "repeats of an investigator that is not stochastic are all the same")


class _OpenedFiles:
    """Records the YAML files that are opened: organisms and their answer keys are YAML."""

    _active: "list[_OpenedFiles]" = []  # noqa: RUF012 - one for the hook, which cannot be removed
    _hooked = False

    def __init__(self) -> None:
        self.yaml_files: list[Path] = []

    def __enter__(self) -> "_OpenedFiles":
        if not _OpenedFiles._hooked:
            sys.addaudithook(_record_open)
            _OpenedFiles._hooked = True
        self._active.append(self)
        return self

    def __exit__(self, *_: object) -> None:
        self._active.remove(self)


def _record_open(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "open" and _OpenedFiles._active and isinstance(arguments[0], str):
        path = Path(arguments[0])
        if path.suffix in {".yaml", ".yml"}:
            for one in _OpenedFiles._active:
                one.yaml_files.append(path)


def _holds_truth(path: Path) -> bool:
    try:
        return "answer_key:" in path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return False
