"""`herdsight export`: rules and findings in the formats of others."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from herdsight.cli.options import writing

if TYPE_CHECKING:
    from herdsight.cli.printing import Printer
    from herdsight.exporting.model import FindingTarget, RuleTarget

_EPILOG = """\b
Examples:
  herdsight hunt ./logs --format json > hunt.json
  herdsight export csv hunt.json -o findings.csv
  herdsight export sentinel-arm --out ./templates
  herdsight export custom-detection irc-c2 spreader --allow-lossy --out ./detections
"""


class _Targets(click.Group):
    """A group whose commands are the targets: those of rules write a folder, those of findings a text."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        from herdsight.exporting.exporting import targets

        return list(targets())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:  # noqa: ARG002 - click's signature
        from herdsight.exporting.exporting import target_of
        from herdsight.exporting.model import RuleTarget

        target = target_of(cmd_name)
        return _of_rules(target) if isinstance(target, RuleTarget) else _of_findings(target)


@click.group(cls=_Targets, epilog=_EPILOG)
def export() -> None:
    """Write rules or findings in the formats of others."""


def _of_rules(target: "RuleTarget") -> click.Command:
    @click.command(target.name, help=target.says, epilog=_rule_examples(target))
    @click.argument("names", metavar="[RULE]...", nargs=-1)
    @click.option("--out", metavar="DIR", required=True, type=click.Path(path_type=Path), help="Where to write.")
    @click.option(
        "--rules", metavar="PATH", type=click.Path(path_type=Path), help="Your own rules.  [default: shipped]"
    )
    @click.option("--tuning", metavar="FILE", multiple=True, type=click.Path(), help="A tuning file to go with them.")
    @click.option("--allow-lossy", is_flag=True, help="Export what is left of rules that it cannot say in full.")
    @click.option("--force", is_flag=True, help="Write over files that were edited by hand.")
    @writing
    def command(  # noqa: PLR0913 - each is an option of the command
        *,
        names: tuple[str, ...],
        out: Path,
        rules: Path | None,
        tuning: tuple[str, ...],
        allow_lossy: bool,
        force: bool,
        printer: "Printer",
    ) -> None:
        from herdsight.exporting.exporting import export_rules
        from herdsight.exporting.model import Content
        from herdsight.ruling import chosen_rules
        from herdsight.tuning.reading import read_tuning

        content = Content(chosen_rules(rules, names), read_tuning(tuning))
        printer.exported(export_rules(target, content, out, allow_lossy=allow_lossy, force=force))

    return command


def _rule_examples(target: "RuleTarget") -> str:
    words = (" ".join(filter(None, (target.name, each))) for each in target.examples)
    lines = "".join(f"  herdsight export {each} --out ./{target.name}\n" for each in words)
    return f"\b\nExamples:\n{lines}"


def _of_findings(target: "FindingTarget") -> click.Command:
    epilog = f"\b\nExamples:\n  herdsight hunt ./logs --format json | herdsight export {target.name} -\n"

    @click.command(target.name, help=target.says, epilog=epilog)
    @click.argument("hunt", metavar="HUNT.json")
    @click.option("-o", "output", metavar="FILE", type=click.Path(path_type=Path), help="Where.  [default: stdout]")
    @click.option("--force", is_flag=True, help="Write over a file that is there.")
    def command(hunt: str, output: Path | None, force: bool) -> None:
        from herdsight.findings.reading import read_hunt
        from herdsight.texts import replace_text, write_new

        text = target.write(read_hunt(hunt))
        if output is None:
            click.echo(text, nl=False)
            return
        if force:
            replace_text(output, text)
        else:
            write_new(output, text, hint="--force writes over it")
        click.echo(f"{output} is written", err=True)

    return command
