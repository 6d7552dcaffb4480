"""``python -m diffkit``."""

from diffkit.cli import main

if __name__ == "__main__":
    main()
