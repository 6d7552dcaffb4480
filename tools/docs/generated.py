"""Which pages are generated, and by what."""

from collections.abc import Callable, Mapping
from pathlib import Path

from api_reference import api_page
from command_reference import command_page
from event_reference import transcript_page
from option_reference import option_page
from pictures import flow, layers
from schema_reference import SCHEMA_PAGES

_DOCS = Path(__file__).parents[2] / "docs"
REFERENCE, IMAGES = _DOCS / "reference", _DOCS / "explanation" / "images"
GENERATED: Mapping[Path, Callable[[], str]] = {
    REFERENCE / "cli.md": command_page,
    REFERENCE / "options.md": option_page,
    REFERENCE / "transcripts.md": transcript_page,
    REFERENCE / "python-api.md": api_page,
    **{REFERENCE / file: page for file, page in SCHEMA_PAGES.items()},
    IMAGES / "flow.svg": flow,
    IMAGES / "layers.svg": layers,
}
"""Page → what it should hold; the program is the source of each."""
