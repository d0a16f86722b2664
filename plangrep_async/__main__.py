"""``python -m plangrep_async`` is the command ``plangrep-async``."""

from .cli import main

if __name__ == "__main__":
    main()
