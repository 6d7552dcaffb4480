"""The agent in its two forms, which differ in what they need."""

from typing import ClassVar, Final

from diffkit import (
    AttemptContext,
    Case,
    Estimate,
    Investigator,
    Need,
    NoVerdict,
    Outcome,
    UserError,
    Verdict,
)
from diffkit_evaluators.agent.config import AgentConfig
from diffkit_evaluators.agent.desk import Desk
from diffkit_evaluators.agent.interview import Interview
from diffkit_evaluators.agent.prompt import case_message, system_message
from diffkit_evaluators.lm import (
    CapReached,
    LanguageModel,
    LanguageModelError,
    Malformed,
    Refused,
    ready,
)

_ROLE: Final = "investigator"
_CHARACTERS_A_TOKEN = 3
_OUTCOMES: dict[type[LanguageModelError], Outcome] = {
    CapReached: Outcome.BUDGET_SPENT,
    Refused: Outcome.REFUSED,
    Malformed: Outcome.MALFORMED,
}


class Agent(Investigator[AgentConfig]):
    """Reads findings, questions the models, and claims what sets them apart."""

    needs: ClassVar[frozenset[Need]] = frozenset({"models", "tools"})
    varies: ClassVar[bool] = True

    def investigate(self, case: Case, config: AgentConfig, context: AttemptContext) -> Verdict:
        """What the language model commits itself to."""
        return interviewed(case, config, context)

    def check(self, config: AgentConfig) -> None:
        """See `check`."""
        check(config)

    def estimate(self, config: AgentConfig) -> Estimate | None:
        """See `most`."""
        return most(config)


class AgentLineup(Investigator[AgentConfig]):
    """The same agent, which ranks the case's candidates as well."""

    needs: ClassVar[frozenset[Need]] = frozenset({"models", "tools", "candidates"})
    varies: ClassVar[bool] = True

    def investigate(self, case: Case, config: AgentConfig, context: AttemptContext) -> Verdict:
        """What the language model commits itself to, with a ranking."""
        return interviewed(case, config, context)

    def check(self, config: AgentConfig) -> None:
        """See `check`."""
        check(config)

    def estimate(self, config: AgentConfig) -> Estimate | None:
        """See `most`."""
        return most(config)


def check(config: AgentConfig) -> None:
    """Raises `UserError` where no language model is named, or it cannot be asked."""
    if config.model is None:
        cure = "Name one: --model investigator=openai/NAME, or `models:` in the suite."
        raise UserError("The agent has no language model.", cure=cure)
    ready(config, _ROLE)


def interviewed(case: Case, config: AgentConfig, context: AttemptContext) -> Verdict:
    """The verdict of a language model on ``case``.

    Raises:
        NoVerdict: there is none.
        UserError: the language model cannot be asked.
    """
    model = LanguageModel(config, _ROLE, context.talk)
    desk = Desk(case, config, context, model)
    brief = case_message(desk.sources, case.candidates, context.blind, config, desk.nonce)
    system = system_message(config.framing, context.blind)
    try:
        return Interview(model, desk, system, brief, context.talk.transcript).hold()
    except LanguageModelError as error:
        outcome = _OUTCOMES.get(type(error), Outcome.MODEL_ERROR)
        raise NoVerdict(outcome, error.what) from error


def most(config: AgentConfig) -> Estimate | None:
    """The most that an attempt may use; none where no language model is named.

    What a cap on tokens leaves beside all the completions are prompts: that is its dearest use.
    Without a cap, as much as comes of one full result and one full answer a turn, each sent again
    with all later calls.
    """
    if config.model is None:
        return None
    calls, answer = config.max_calls, config.max_completion_tokens
    shown = config.characters // _CHARACTERS_A_TOKEN
    prompts = calls * shown + calls * (calls - 1) // 2 * (shown + answer)
    cap = config.max_tokens or prompts + calls * answer
    completions = min(calls * answer, cap)
    return Estimate(
        role=_ROLE,
        model=config.model.name,
        calls=calls,
        prompt_tokens=min(prompts, cap - completions),
        completion_tokens=completions,
        dollars=config.max_dollars,
    )
