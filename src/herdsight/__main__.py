"""`python -m herdsight` is the command line."""

from herdsight.cli import main

main(prog_name="herdsight")
