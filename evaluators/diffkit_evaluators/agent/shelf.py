"""The findings within the agent's reach."""

from collections.abc import Sequence

from diffkit import Blind, UserError
from diffkit_evaluators.agent.arguments import ListFindings, ReadFinding
from diffkit_evaluators.agent.evidence import Source, listing, part
from diffkit_evaluators.lm import fence


class Shelf:
    """Lists findings and reads them out, fenced.

    Args:
        sources: whose findings they are.
        blind: what the models are called, and what is withheld.
        nonce: marks what is data.
        characters: length of what is shown at a time, at most.
    """

    def __init__(
        self, sources: Sequence[Source], blind: Blind, nonce: str, characters: int
    ) -> None:
        self._sources, self._blind = sources, blind
        self._nonce, self._characters = nonce, characters
        self._findings = {name: one for source in sources for name, one in source.findings.items()}

    @property
    def names(self) -> tuple[str, ...]:
        """By which findings can be read and cited."""
        return tuple(self._findings)

    def contents(self, arguments: ListFindings) -> str:
        """All findings, a line each."""
        del arguments
        return self._fenced("\n".join(listing(one, self._blind) for one in self._sources))

    def read(self, arguments: ReadFinding) -> str:
        """Some rows of a finding.

        Raises:
            UserError: there is no such finding.
        """
        finding = self._findings.get(arguments.name)
        if finding is None:
            what = f"There is no finding {arguments.name!r}."
            raise UserError(what, cure="list_findings names all.")
        return self._fenced(part(finding, arguments.first, arguments.rows, self._blind))

    def _fenced(self, text: str) -> str:
        return fence(text, self._nonce, self._characters)
