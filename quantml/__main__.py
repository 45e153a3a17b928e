"""Run the command line with ``python -m quantml``."""

from quantml.cli import main

if __name__ == "__main__":
    main()
