"""How a run ends: one message on stderr, and an exit status."""

import errno
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType

import click

from herdsight.errors import HerdsightError, InputError

INTERRUPTED = 130  # as a shell reports a program that Ctrl-C ended
_SIGNALLED = 128  # and, with the signal's number added, one that another signal ended
_PIPE_CLOSED = 141  # as a shell reports a program whose reader went away


_asked_to_end: list[int] = []  # the signal, once it came


@contextmanager
def ended() -> Iterator[None]:
    """Turn what a user can cause into a message and a status; a fault of our own stays a traceback."""
    before = {number: signal.signal(number, _end) for number in _ENDING if signal.getsignal(number) != signal.SIG_IGN}
    try:
        yield
    except HerdsightError as error:
        _problems().report(error)
        raise click.exceptions.Exit(error.exit_status) from error
    except click.UsageError as error:
        if isinstance(error, click.exceptions.NoArgsIsHelpError):
            raise
        _problems().report_usage(error)
        raise click.exceptions.Exit(error.exit_code) from error
    except KeyboardInterrupt as error:
        click.echo("herdsight: interrupted", err=True)
        raise click.exceptions.Exit(_SIGNALLED + _asked_to_end[0] if _asked_to_end else INTERRUPTED) from error
    except BrokenPipeError as error:
        _leave_stdout()
        raise click.exceptions.Exit(_PIPE_CLOSED) from error
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        _leave_stdout()
        _problems().report(InputError("there is no space left on the disk that is written to"))
        raise click.exceptions.Exit(InputError.exit_status) from error
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


# The terminal that a prompt is on may be closed; `nohup` says that this does not matter.
_ENDING = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]


def asked_to_end() -> bool:
    """Whether what looks like Ctrl-C is a signal that ends the program, which nobody may pass over."""
    return bool(_asked_to_end)


def _end(number: int, frame: object) -> None:
    """End as on Ctrl-C, so that nothing of ours is left on the disk."""
    del frame
    _asked_to_end.append(number)
    raise KeyboardInterrupt


def _leave_stdout() -> None:
    """Nobody reads on: what is still buffered goes nowhere, without a complaint when Python shuts down."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def _problems() -> ModuleType:
    return import_module("herdsight.cli.problems")  # it needs what a run without a fault need not load
