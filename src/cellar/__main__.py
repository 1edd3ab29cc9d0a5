"""`python -m cellar` is the `cellar` command."""

from cellar.cli import main

if __name__ == "__main__":
    main(prog_name="cellar")
