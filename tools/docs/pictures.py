"""Draws the pictures of the architecture page as SVG, without any library or font."""

from collections.abc import Iterable

_INK, _LINE, _PAPER = "#1b2430", "#8592a6", "#ffffff"
_DATA, _CODE, _PLUGIN = "#e8f1ff", "#f4f5f7", "#fff1dc"
_FONT = "font-family='system-ui, sans-serif'"


def _text(x: float, y: float, words: str, size: int = 13, weight: int = 400) -> str:
    style = f"font-size='{size}' font-weight='{weight}' fill='{_INK}' text-anchor='middle'"
    return f"<text x='{x}' y='{y}' {_FONT} {style}>{words}</text>"


def _box(x: float, y: float, size: tuple[float, float], fill: str, lines: Iterable[str]) -> str:
    width, height = size
    shape = f"x='{x}' y='{y}' width='{width}' height='{height}' rx='7'"
    parts = [f"<rect {shape} fill='{fill}' stroke='{_LINE}'/>"]
    shown = list(lines)
    top = y + height / 2 - 8 * (len(shown) - 1) + 4
    for number, line in enumerate(shown):
        size, weight = (13, 600) if number == 0 else (11, 400)
        parts.append(_text(x + width / 2, top + 16 * number, line, size, weight))
    return "\n".join(parts)


def _arrow(x: float, y: float, dx: float, dy: float = 0) -> str:
    line = f"x1='{x}' y1='{y}' x2='{x + dx}' y2='{y + dy}'"
    return f"<line {line} stroke='{_INK}' stroke-width='1.4' marker-end='url(#head)'/>"


def _picture(width: int, height: int, title: str, parts: Iterable[str]) -> str:
    marker = (
        "<defs><marker id='head' viewBox='0 0 8 8' refX='7' refY='4' markerWidth='7' "
        f"markerHeight='7' orient='auto'><path d='M0 0L8 4L0 8z' fill='{_INK}'/></marker></defs>"
    )
    head = f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width} {height}' role='img'>"
    paper = f"<rect width='{width}' height='{height}' fill='{_PAPER}'/>"
    return "\n".join([head, f"<title>{title}</title>", marker, paper, *parts, "</svg>\n"])


FLOW = (
    ("Pair", "base and", "finetuned side"),
    ("Run", "findings,", "change score"),
    ("Case", "evidence,", "arm"),
    ("Attempt", "verdict,", "claim"),
    ("Grade", "score,", "chance"),
    ("Leaderboard", "rows, intervals,", "controls"),
)
STEPS = (
    ("method", "kl, steering-prefix …"),
    ("arms, nulls", "diffkit.evaluation"),
    ("investigator", "lineup, agent"),
    ("grader", "lineup, rubric …"),
    ("statistics", "diffkit.evaluation"),
)


def flow() -> str:
    """From a pair to a leaderboard: stored records, and what makes each of the one before."""
    wide, gap, top = 104, 66, 74
    parts = []
    for number, lines in enumerate(FLOW):
        x = 16 + number * (wide + gap)
        parts.append(_box(x, top, (wide, 64), _DATA, lines))
        if number < len(STEPS):
            parts.append(_arrow(x + wide + 4, top + 32, gap - 10))
            name, where = STEPS[number]
            fill = _CODE if where.startswith("diffkit") else _PLUGIN
            middle = x + wide + gap / 2
            parts.append(_box(middle - 68, 8, (136, 40), fill, (name, where)))
            parts.append(_arrow(middle, 50, 0, top - 24))
    sheet = 16 + 3 * (wide + gap) + wide / 2
    parts.append(
        _box(sheet - 52, 178, (360, 40), _DATA, ("Answer sheet", "the truth; only graders see it"))
    )
    grader = 16 + 3 * (wide + gap) + wide + gap / 2
    parts.append(_arrow(grader, 176, 0, -64))
    parts.append(
        _box(
            16,
            178,
            (444, 40),
            _DATA,
            ("Organism", "truth, probes, weights: a method sees only the pair"),
        )
    )
    parts.append(_arrow(68, 176, 0, -34))
    parts.append(_arrow(464, 198, 58))
    return _picture(988, 232, "From a pair to a leaderboard", parts)


LAYERS = (
    ("Command line", "diffkit.cli · diffkit.render · diffkit.export"),
    ("Evaluation", "suite, plan, calibration, expression, attempts, grading, leaderboard"),
    ("Runs", "keys, store, lease, execution, resuming"),
    ("Engine", "models, pairs, generation, gradients, random controls"),
    (
        "Contracts",
        "organism, texts, findings, method, case, verdict, investigator, grader, registry",
    ),
)
PLUGINS = (
    ("Methods", "diffkit_plugins"),
    ("Evaluators", "investigators, graders, generators", "diffkit_evaluators"),
    ("Organisms", "diffkit_organisms"),
    ("Yours", "an entry point"),
)


def layers() -> str:
    """What may import what: each layer those below, and plugins the public names only."""
    parts = []
    for number, lines in enumerate(LAYERS):
        y = 14 + number * 62
        parts.append(_box(16, y, (560, 46), _CODE, lines))
        if number < len(LAYERS) - 1:
            parts.append(_arrow(296, y + 47, 0, 13))
    for number, lines in enumerate(PLUGINS):
        parts.append(_box(700, 14 + number * 77, (200, 62), _PLUGIN, lines))
    parts.append(_arrow(696, 170, -112))
    parts += [_text(640, 150, "public names", 11), _text(640, 192, "of diffkit", 11)]
    return _picture(916, 326, "Layers of diffkit, and what plugs in", parts)
