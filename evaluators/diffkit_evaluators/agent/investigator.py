"""The agent and its variant that ranks candidates, as investigators."""

from typing import ClassVar, Final

from diffkit import (
    AttemptContext,
    Case,
    Investigator,
    InvestigatorNeed,
    NoVerdict,
    Outcome,
    UsageEstimate,
    UserError,
    Verdict,
)
from diffkit_evaluators.agent.config import AgentConfig
from diffkit_evaluators.agent.loop import AgentLoop
from diffkit_evaluators.agent.prompt import case_message, system_message
from diffkit_evaluators.agent.toolbox import AgentToolbox
from diffkit_evaluators.llm import (
    CapReached,
    LanguageModel,
    LanguageModelError,
    Malformed,
    Refused,
    check_ready,
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

    needs: ClassVar[frozenset[InvestigatorNeed]] = frozenset({"models", "tools"})
    stochastic: ClassVar[bool] = True

    def investigate(self, case: Case, config: AgentConfig, context: AttemptContext) -> Verdict:
        """What the language model commits itself to."""
        return run_agent(case, config, context)

    def validate(self, config: AgentConfig) -> None:
        """See `check`."""
        check_model(config)

    def estimate(self, config: AgentConfig) -> UsageEstimate | None:
        """See `most`."""
        return usage_estimate(config)


class AgentLineup(Investigator[AgentConfig]):
    """The same agent, which ranks the case's candidates as well."""

    needs: ClassVar[frozenset[InvestigatorNeed]] = frozenset({"models", "tools", "candidates"})
    stochastic: ClassVar[bool] = True

    def investigate(self, case: Case, config: AgentConfig, context: AttemptContext) -> Verdict:
        """What the language model commits itself to, with a ranking."""
        return run_agent(case, config, context)

    def validate(self, config: AgentConfig) -> None:
        """See `check`."""
        check_model(config)

    def estimate(self, config: AgentConfig) -> UsageEstimate | None:
        """See `most`."""
        return usage_estimate(config)


def check_model(config: AgentConfig) -> None:
    """Raises `UserError` where no language model is named, or it cannot be asked."""
    if config.model is None:
        hint = "Name one: --model investigator=openai/NAME, or `models:` in the suite."
        raise UserError("The agent has no language model.", hint=hint)
    check_ready(config, _ROLE)


def run_agent(case: Case, config: AgentConfig, context: AttemptContext) -> Verdict:
    """The verdict of a language model on ``case``.

    Raises:
        NoVerdict: there is none.
        UserError: the language model cannot be asked.
    """
    model = LanguageModel(config, _ROLE, context.chat)
    desk = AgentToolbox(case, config, context, model)
    brief = case_message(desk.sources, case.candidates, context.blinding, config, desk.nonce)
    system = system_message(config.framing, context.blinding)
    try:
        return AgentLoop(model, desk, system, brief, context.chat.transcript).run()
    except LanguageModelError as error:
        outcome = _OUTCOMES.get(type(error), Outcome.MODEL_ERROR)
        raise NoVerdict(outcome, error.what) from error


def usage_estimate(config: AgentConfig) -> UsageEstimate | None:
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
    return UsageEstimate(
        role=_ROLE,
        model=config.model.name,
        calls=calls,
        prompt_tokens=min(prompts, cap - completions),
        completion_tokens=completions,
        dollars=config.max_dollars,
    )
