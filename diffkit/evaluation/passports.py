"""How graders did on answers whose worth is known, beside what they say here."""

from collections.abc import Sequence

from diffkit.evaluation.graded import Graded
from diffkit.evaluation.passport import read_passport
from diffkit.evaluation.record import Evaluation
from diffkit.runs.store import Store


def passports(evaluation: Evaluation, cases: Sequence[Graded], store: Store) -> dict[str, str]:
    """Grader → its passport in words.

    One that asks language models and was not checked says so; one that asks none needs no check.
    """
    asking = {case.judged.grader for case in cases if case.grade and case.grade.usage}
    found = {}
    for grader in dict.fromkeys(case.judged.grader for case in cases):
        key = evaluation.graders.get(grader)
        passport = read_passport(store, key) if key else None
        if passport:
            found[grader] = passport.words
        elif grader in asking:
            found[grader] = f"not checked: diffkit grader check {grader}"
    return found
