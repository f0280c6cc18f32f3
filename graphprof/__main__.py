"""``python -m graphprof``."""

from graphprof.cli.main import main

if __name__ == "__main__":
    main()
