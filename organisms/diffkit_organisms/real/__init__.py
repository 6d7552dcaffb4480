"""Real language models on any machine, and development organisms that are trained on one of them.

``python -m diffkit_organisms.real`` fetches and trains; the results lie in the models folder, a
folder of bases and organisms like the tiny zoo's, and are known by name from then on.
"""

import os
import sys
from pathlib import Path

FOLDER_VARIABLE = "DIFFKIT_MODELS"
"""Environment variable that names the models folder."""


def models_folder() -> Path:
    """The folder of real models: that of `FOLDER_VARIABLE`, or else one in the user's cache."""
    if given := os.environ.get(FOLDER_VARIABLE):
        return Path(given).expanduser()
    return _cache_folder() / "diffkit" / "models"


def _cache_folder() -> Path:
    """Where the operating system wants caches of the user."""
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local"))
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
