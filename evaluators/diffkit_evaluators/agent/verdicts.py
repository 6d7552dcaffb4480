"""Converts what a language model submits, by model handles, to a verdict, by sides."""

from collections.abc import Collection, Sequence

from diffkit import NONE_OF_THESE, Blinding, CandidateTruth, Prediction, UserError, Verdict
from diffkit_evaluators.agent.tools import Bet, NoteHypothesis, SubmitVerdict


def interim_verdict(
    noted: NoteHypothesis, blinding: Blinding, candidates: Sequence[CandidateTruth]
) -> Verdict:
    """The interim verdict of a note.

    Raises:
        UserError: the ranking names something that is no candidate.
    """
    if noted.ranking:
        _check_candidates(noted.ranking, candidates)
    return _verdict(noted, blinding)


def submitted_verdict(
    given: SubmitVerdict,
    blinding: Blinding,
    candidates: Sequence[CandidateTruth],
    *,
    citable: Collection[str],
    asked: Collection[str],
) -> Verdict:
    """The verdict, without bets on prompts that were asked and citations of unknown names.

    Raises:
        UserError: the ranking is not one of all candidates.
    """
    if candidates or given.ranking:
        _check_candidates(given.ranking, candidates)
        _check_all_ranked(given.ranking, candidates)
    known = {_normalized_prompt(prompt) for prompt in asked}
    new = (bet for bet in given.predictions if _normalized_prompt(bet.prompt) not in known)
    bets = tuple(_prediction(bet, blinding) for bet in new)
    cited = tuple(dict.fromkeys(name for name in given.cited if name in citable))
    return _verdict(given, blinding).model_copy(update={"predictions": bets, "cited": cited})


def _verdict(given: NoteHypothesis | SubmitVerdict, blinding: Blinding) -> Verdict:
    claim = blinding.reveal(given.claim.strip()) if given.claim else ""
    return Verdict(
        change=given.change,
        claim=claim or None,
        p_targeted=given.p_targeted,
        p_claim=given.p_claim if claim else None,
        ranking=given.ranking,
    )


def _normalized_prompt(prompt: str) -> str:
    return " ".join(prompt.casefold().split())


def _prediction(bet: Bet, blinding: Blinding) -> Prediction:
    side = blinding.side(bet.model)
    return Prediction(prompt=bet.prompt, phrase=bet.phrase, side=side, p=bet.p)


def _check_candidates(ranking: tuple[str, ...], candidates: Sequence[CandidateTruth]) -> None:
    if not candidates:
        raise UserError("ranking: there are no candidates.", hint="Leave it empty.")
    known = [*(one.handle for one in candidates), NONE_OF_THESE]
    wrong = [name for name in ranking if name not in known]
    if wrong:
        what = f"ranking: there is no candidate {wrong[0]!r}."
        raise UserError(what, hint=f"There are {', '.join(known)}.")
    if len(set(ranking)) < len(ranking):
        raise UserError("ranking: a candidate stands in it twice.", hint="Name each once.")


def _check_all_ranked(ranking: tuple[str, ...], candidates: Sequence[CandidateTruth]) -> None:
    missing = [one.handle for one in candidates if one.handle not in ranking]
    if missing:
        raise UserError(f"ranking: it lacks {', '.join(missing)}.", hint="Rank all candidates.")
