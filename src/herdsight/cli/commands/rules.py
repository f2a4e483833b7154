"""`herdsight rules`: the rules listed, shown, checked, tested and begun."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from herdsight.cli.options import writing
from herdsight.errors import RuleError

if TYPE_CHECKING:
    from herdsight.cli.printing import Printer

_path = click.argument("path", metavar="[PATH]", required=False, type=click.Path(path_type=Path))

_EPILOG = """\b
Examples:
  herdsight rules list
  herdsight rules show beacon-fixed-endpoint
  herdsight rules new irc-from-servers --in ./rules
  herdsight rules check ./rules
  herdsight rules test ./rules --mutate
"""


@click.group(epilog=_EPILOG)
def rules() -> None:
    """List, show, check and test rules: the shipped ones, or your own."""


@rules.command("list")
@_path
@writing
def list_(path: Path | None, printer: "Printer") -> None:
    """List the shipped rules, or those of a folder."""
    from herdsight.ruling import list_rules

    printer.rules(list_rules(path))


@rules.command()
@click.argument("name", metavar="RULE")
@writing
def show(name: str, printer: "Printer") -> None:
    """Show all that a rule says: its query, what it is fooled by, what it misses, how it is tuned and proved."""
    from herdsight.ruling import find_rule

    printer.rule(find_rule(name))


@rules.command()
@_path
@click.option("--fix", is_flag=True, help="Put the files in the one form first, and note the versions of rules.")
@writing
def check(path: Path | None, fix: bool, printer: "Printer") -> None:
    """Look for everything that is wrong with rules, all at once. Ends with status 2 where something is."""
    from herdsight.ruling import check_rules

    found = check_rules(path, fix=fix)
    printer.rule_checks(found)
    if found.faults:
        raise click.exceptions.Exit(RuleError.exit_status)


@rules.command()
@_path
@click.option(
    "--rule", "names", metavar="RULE", multiple=True, help="Test this rule alone; may be given several times."
)
@click.option("--mutate", is_flag=True, help="Also change each rule a little, again and again: do its cases notice?")
@writing
def test(path: Path | None, names: tuple[str, ...], mutate: bool, printer: "Printer") -> None:
    """Run rules on their own cases: what they must find, and near misses in which they must find nothing.

    Ends with status 2 where a case fails, or where no case notices a change.
    """
    from herdsight.ruling import prove_rules

    with printer.bar:
        found = prove_rules(path, names, mutate=mutate, progress=printer.bar)
    printer.rule_tests(found)
    if any(not each.passed for each in found.cases) or any(each.noticed_by is None for each in found.mutants):
        raise click.exceptions.Exit(RuleError.exit_status)


@rules.command()
@click.argument("name", metavar="NAME")
@click.option(
    "--in", "folder", metavar="DIR", type=click.Path(path_type=Path), default=".", help="Where.  [default: here]"
)
def new(name: str, folder: Path) -> None:
    """Begin a rule: a file that passes its own cases, to be changed into what you want."""
    from herdsight.ruling import new_rule

    path = new_rule(name, folder)
    then = f"herdsight rules check --fix {folder}; herdsight rules test {folder}"
    click.echo(f"{path} is written. Change it, then: {then}")
