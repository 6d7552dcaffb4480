"""From what a language model submits, under handles, to what is kept, under sides."""

from collections.abc import Collection, Sequence

from diffkit import NONE_OF_THESE, Blind, CandidateTruth, Prediction, UserError, Verdict
from diffkit_evaluators.agent.arguments import Bet, NoteHypothesis, SubmitVerdict


def guessed(noted: NoteHypothesis, blind: Blind, candidates: Sequence[CandidateTruth]) -> Verdict:
    """What the verdict would be now.

    Raises:
        UserError: the ranking does not fit the candidates.
    """
    if noted.ranking:
        _check(noted.ranking, candidates)
    return _verdict(noted, blind)


def submitted(
    given: SubmitVerdict,
    blind: Blind,
    candidates: Sequence[CandidateTruth],
    *,
    citable: Collection[str],
    asked: Collection[str],
) -> Verdict:
    """The verdict, without bets on prompts that were asked and citations of what is not there.

    Raises:
        UserError: the ranking does not fit the candidates.
    """
    if candidates or given.ranking:
        _check(given.ranking, candidates)
        _check_all_ranked(given.ranking, candidates)
    known = {_plain(prompt) for prompt in asked}
    new = (bet for bet in given.predictions if _plain(bet.prompt) not in known)
    bets = tuple(_prediction(bet, blind) for bet in new)
    cited = tuple(dict.fromkeys(name for name in given.cited if name in citable))
    return _verdict(given, blind).model_copy(update={"predictions": bets, "cited": cited})


def _verdict(given: NoteHypothesis | SubmitVerdict, blind: Blind) -> Verdict:
    claim = blind.reveal(given.claim.strip()) if given.claim else ""
    return Verdict(
        change=given.change,
        claim=claim or None,
        p_targeted=given.p_targeted,
        p_claim=given.p_claim if claim else None,
        ranking=given.ranking,
    )


def _plain(prompt: str) -> str:
    return " ".join(prompt.casefold().split())


def _prediction(bet: Bet, blind: Blind) -> Prediction:
    side = blind.side(bet.model)
    return Prediction(prompt=bet.prompt, phrase=bet.phrase, side=side, p=bet.p)


def _check(ranking: tuple[str, ...], candidates: Sequence[CandidateTruth]) -> None:
    if not candidates:
        raise UserError("ranking: there are no candidates.", cure="Leave it empty.")
    known = [*(one.handle for one in candidates), NONE_OF_THESE]
    wrong = [name for name in ranking if name not in known]
    if wrong:
        what = f"ranking: there is no candidate {wrong[0]!r}."
        raise UserError(what, cure=f"There are {', '.join(known)}.")
    if len(set(ranking)) < len(ranking):
        raise UserError("ranking: a candidate stands in it twice.", cure="Name each once.")


def _check_all_ranked(ranking: tuple[str, ...], candidates: Sequence[CandidateTruth]) -> None:
    missing = [one.handle for one in candidates if one.handle not in ranking]
    if missing:
        raise UserError(f"ranking: it lacks {', '.join(missing)}.", cure="Rank all candidates.")
