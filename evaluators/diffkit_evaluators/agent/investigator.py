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

_CHARACTERS_PER_TOKEN = 3

_OUTCOMES: dict[type[LanguageModelError], Outcome] = {
    CapReached: Outcome.BUDGET_SPENT,
    Refused: Outcome.REFUSED,
    Malformed: Outcome.MALFORMED,
}


class Agent(Investigator[AgentConfig]):
    """Reads findings, asks the models, and claims what the finetuning did."""

    needs: ClassVar[frozenset[InvestigatorNeed]] = frozenset({"models", "tools"})
    stochastic: ClassVar[bool] = True

    def investigate(self, case: Case, config: AgentConfig, context: AttemptContext) -> Verdict:
        """Lets the language model investigate until it submits a verdict.

        Raises:
            NoVerdict: it ends without one.
            UserError: the language model cannot be called.
        """
        model = LanguageModel(config, _ROLE, context.chat)
        toolbox = AgentToolbox(case, config, context, model)
        brief = case_message(
            toolbox.sources, case.candidates, context.blinding, config, toolbox.nonce
        )
        system = system_message(config.framing, context.blinding)
        try:
            return AgentLoop(model, toolbox, system, brief, context.chat.transcript).run()
        except LanguageModelError as error:
            outcome = _OUTCOMES.get(type(error), Outcome.MODEL_ERROR)
            raise NoVerdict(outcome, error.what) from error

    def validate(self, config: AgentConfig) -> None:
        """Checks that a language model is named and can be called.

        Raises:
            UserError: either is not so.
        """
        if config.model is None:
            hint = "Name one: --model investigator=openai/NAME, or `models:` in the suite."
            raise UserError("The agent has no language model.", hint=hint)
        check_ready(config, _ROLE)

    def estimate(self, config: AgentConfig) -> UsageEstimate | None:
        """The largest possible usage of an attempt, if a language model is named.

        Within a limit on tokens, all completions are as long as they may be, and the remaining
        tokens are prompts. Without a limit, each turn has a result and an answer of full length,
        and all later calls send them again.
        """
        if config.model is None:
            return None
        calls, answer = config.max_calls, config.max_completion_tokens
        result = config.characters // _CHARACTERS_PER_TOKEN
        prompts = calls * result + calls * (calls - 1) // 2 * (result + answer)
        limit = config.max_tokens or prompts + calls * answer
        completions = min(calls * answer, limit)
        return UsageEstimate(
            role=_ROLE,
            model=config.model.name,
            calls=calls,
            prompt_tokens=min(prompts, limit - completions),
            completion_tokens=completions,
            dollars=config.max_dollars,
        )


class AgentLineup(Agent):
    """The agent in the form that also ranks the candidates of the case."""

    needs: ClassVar[frozenset[InvestigatorNeed]] = Agent.needs | {"candidates"}
