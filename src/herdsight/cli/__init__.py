"""The command line: a thin layer over the functions that `import herdsight` gives."""

import sys
from collections.abc import Iterator
from importlib import import_module
from keyword import iskeyword
from pkgutil import iter_modules
from typing import Any

import click

from herdsight import __version__
from herdsight.cli import commands
from herdsight.cli.ending import ended


class _Commands(click.Group):
    """A group whose commands are the files in `commands/`, loaded when they are named.

    It also is the one place where a run ends: whatever the user caused becomes one message and an exit status.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return sorted(_names())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        if cmd_name not in _names():
            return None
        name = f"{cmd_name}_" if iskeyword(cmd_name) else cmd_name
        command: click.Command = getattr(import_module(f"{commands.__name__}.{name}"), name)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        with ended():
            result = super().invoke(ctx)
            sys.stdout.flush()  # so that a closed pipe is met here, and not while Python shuts down
            return result


def _names() -> Iterator[str]:
    return (module.name.rstrip("_") for module in iter_modules(commands.__path__))


_EPILOG = """\b
Examples:
  herdsight hunt ./logs
  herdsight query -e 'DeviceNetworkEvents | summarize count() by RemoteIP | top 10 by count_' ./logs

\b
Exit status:
  0  done
  1  done, and a threshold that you set with --fail-on was reached
  2  the call or an input is wrong
  3  the query uses something that is not supported
"""


@click.group(cls=_Commands, epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="herdsight", message="%(prog)s %(version)s")
def main() -> None:
    """Find the bots, relays and floods in the logs you already have.

    Everything runs on this machine: no server, no account, no network. Data goes to stdout, everything else to stderr.
    """
