"""Rules or findings, exported: which targets there are, and the two ways of writing to them."""

import pkgutil
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path

from herdsight.errors import InputError, Place, RuleError
from herdsight.exporting import targets as shelf
from herdsight.exporting.folder import write_files
from herdsight.exporting.model import Content, Loss, RuleTarget, Target
from herdsight.findings.exported import Exported, Lost
from herdsight.guesses import did_you_mean
from herdsight.version import VERSION


@cache
def targets() -> Mapping[str, Target]:
    """Every target by its name; a module of the shelf declares its own as `TARGET`."""
    found = (import_module(f"{shelf.__name__}.{each.name}") for each in pkgutil.iter_modules(shelf.__path__))
    declared = [each.TARGET for each in found if hasattr(each, "TARGET")]
    return {each.name: each for each in sorted(declared, key=lambda each: each.name)}


def target_of(name: str) -> Target:
    """The target of that name.

    Raises:
        InputError: there is none.
    """
    try:
        return targets()[name]
    except KeyError:
        hint = did_you_mean(name, list(targets())) or f"there are {', '.join(targets())}"
        raise InputError(f"nothing is exported as {name!r}", hint=hint) from None


def export_rules(
    target: RuleTarget, content: Content, folder: Path, *, allow_lossy: bool = False, force: bool = False
) -> Exported:
    """Write rules in the form of a target into a folder; what was done to each file.

    Raises:
        RuleError: the target cannot say all that a rule says, and `allow_lossy` is not set; `problems` has all losses.
        InputError: the folder cannot be written to, or a file in it was edited by hand and `force` is not set.
    """
    export = target.export(content)
    if export.losses and not allow_lossy:
        raise _lossy(target, content, export.losses)
    return Exported(
        herdsight=VERSION,
        target=target.name,
        folder=str(folder),
        files=write_files(export.files, folder, target.name, force=force),
        losses=tuple(Lost(rule=each.rule, clause=each.clause, lost=each.lost) for each in export.losses),
    )


def _lossy(target: RuleTarget, content: Content, losses: Sequence[Loss]) -> RuleError:
    sources = {each.slug: each.source for each in content.rules}
    problems = [
        RuleError(
            f"{target.name} cannot say {each.clause}: {each.lost}", place=Place(sources.get(each.rule, each.rule))
        )
        for each in losses
    ]
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    hint = "--allow-lossy exports what is left of it"
    whole = RuleError(f"{problems[0].what}{more}", place=problems[0].place, hint=hint)
    whole.problems = tuple(RuleError(each.what, place=each.place, hint=hint) for each in problems)
    return whole
