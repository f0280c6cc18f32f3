"""``python -m graphprof``."""

from graphprof.cli import main

if __name__ == "__main__":
    main()
