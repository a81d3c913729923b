"""`python -m respool`: the same command as the console script."""

from respool.cli import main

main()
