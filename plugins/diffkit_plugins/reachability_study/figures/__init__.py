"""Figures of the study, each with a description in words.

Takes the study's results. Gives PNG artifacts and the findings that show them.
"""

from diffkit_plugins.reachability_study.figures.overview import draw_figures

__all__ = ["draw_figures"]
