"""What one does with rules: list, check and test them, and begin a new one."""

import re
from collections.abc import Sequence
from contextlib import suppress
from importlib.resources import files
from pathlib import Path
from uuid import UUID, uuid4

from herdsight.checks.form import formed
from herdsight.checks.running import Fault, check, read_all
from herdsight.checks.versions import write_lock
from herdsight.content import shipped_folder
from herdsight.errors import InputError, RuleError
from herdsight.explaining import Subject, of_query, of_rule
from herdsight.findings.model import RuleChecks, RuleFault, RuleLine, RuleList, RuleTests, Severity
from herdsight.guesses import did_you_mean
from herdsight.proving.running import run_cases
from herdsight.querying import compiled, scanned_tables
from herdsight.rules.reading import RuleFile, read_rule, shipped_rules
from herdsight.telemetry import Progress
from herdsight.texts import read_text, write_new
from herdsight.version import VERSION


def list_rules(path: Path | None = None) -> RuleList:
    """The shipped rules, or those under a path.

    Raises:
        RuleError: there is no rule, or one is wrong.
    """
    return RuleList(herdsight=VERSION, rules=tuple(map(_line, rules_of(path))))


def rules_of(path: Path | None) -> tuple[RuleFile, ...]:
    """The shipped rules, or those under a path; raises where one of them is wrong."""
    if path is None:
        return shipped_rules()
    rules, faults = read_all(path)
    if faults:
        raise faults[0].error
    return rules


def chosen_rules(path: Path | None, names: Sequence[str]) -> tuple[RuleFile, ...]:
    """The shipped rules, or those under a path; of them those that are named, where any is.

    Raises:
        RuleError: a rule is wrong, or there is none of that name.
    """
    rules = rules_of(path)
    for name in names:
        if name not in {each.slug for each in rules}:
            raise RuleError(f"there is no rule {name!r}", hint=did_you_mean(name, [each.slug for each in rules]))
    return tuple(each for each in rules if not names or each.slug in names)


def find_rule(name: str) -> RuleFile:
    """The shipped rule of that short name or id.

    Raises:
        RuleError: there is none.
    """
    rules = shipped_rules()
    for each in rules:
        if name in {each.slug, str(each.rule.id), each.rule.name}:
            return each
    hint = did_you_mean(name, [each.slug for each in rules]) or "herdsight rules list"
    raise RuleError(f"there is no rule {name!r}", hint=hint)


def subject_of(name: str) -> Subject:
    """What `why` asks about: a shipped rule by name or id, a rule's YAML file, or a file of KQL (- for stdin).

    Raises:
        RuleError: there is no such rule, or the file is none.
        InputError: the file cannot be read.
    """
    path = Path(name)
    if path.suffix.lower() in {".yaml", ".yml"}:
        return of_rule(read_rule(name, read_text(name, holds="a rule")))
    if name == "-" or path.suffix.lower() == ".kql":
        return of_query(read_text(name, holds="a query"), "stdin" if name == "-" else name)
    return of_rule(find_rule(name))


def _line(file: RuleFile) -> RuleLine:
    rule = file.rule
    return RuleLine(
        rule=file.slug,
        name=rule.name,
        severity=Severity(rule.severity.lower()),
        confidence=rule.herdsight.confidence,
        role=rule.herdsight.role,
        techniques=rule.relevantTechniques,
        tables=scanned_tables(compiled(rule.query, f"{file.source} (query)")[0].query.relation),
        version=rule.version,
    )


def check_rules(path: Path | None = None, *, fix: bool = False) -> RuleChecks:
    """Everything that is wrong with the shipped rules, or with those under a path.

    With `fix` the files are put in the one form, and the versions of rules are noted, before they are checked.

    Raises:
        RuleError: there is no rule file.
        InputError: a file cannot be written.
    """
    place = path or shipped_folder("rules")
    if place is None:
        raise InputError("the shipped rules lie in no folder here", hint="name a folder of rules")
    rules, faults = read_all(place)
    folder = place if place.is_dir() else None
    if fix:
        rules = _fixed(rules, folder)
    found = (*faults, *check(rules, folder))
    return RuleChecks(herdsight=VERSION, rules=len(rules) + _broken(faults), faults=tuple(map(_told, found)))


def _fixed(rules: Sequence[RuleFile], folder: Path | None) -> tuple[RuleFile, ...]:
    for each in rules:
        path = Path(each.source)
        try:
            before = path.read_text(encoding="utf-8")
            if (after := formed(before)) != before:
                path.write_text(after, encoding="utf-8")
        except OSError as error:
            raise InputError(f"{path} cannot be written: {error.strerror}") from error
    if folder:
        write_lock(rules, folder)
    return read_all(folder)[0] if folder else tuple(rules)


def _broken(faults: Sequence[Fault]) -> int:
    return len({each.error.place.source for each in faults if each.error.place})


def _told(fault: Fault) -> RuleFault:
    error = fault.error
    return RuleFault(check=fault.check, where=str(error.place or ""), what=error.what, hint=error.hint)


def prove_rules(
    path: Path | None = None, names: Sequence[str] = (), *, mutate: bool = False, progress: Progress | None = None
) -> RuleTests:
    """Run the cases of the shipped rules, or of those under a path; of some of them, where `names` has their names.

    Raises:
        RuleError, QueryError: a rule is wrong, or there is none of that name.
    """
    return run_cases(chosen_rules(path, names), mutate=mutate, progress=progress)


_SLUG = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


def new_rule(name: str, folder: Path) -> Path:
    """Begin a rule: a file that passes its own cases and waits to be changed; its path. The folder is made.

    Raises:
        InputError: the name is none for a file, the file is there, or cannot be written.
    """
    if not _SLUG.fullmatch(name):
        raise InputError(f"{name!r} is no name for a rule", hint="small letters, digits and hyphens: irc-from-servers")
    path = folder / f"{name}.yaml"
    text = files("herdsight").joinpath("rules", "template.yaml").read_text(encoding="utf-8")
    title = name.replace("-", " ").capitalize()
    text = text.replace(str(UUID(int=0)), str(uuid4()), 1).replace("name: A new rule", f"name: {title}", 1)
    with suppress(OSError):  # what hinders it hinders the file, too, and is told of that
        folder.mkdir(parents=True, exist_ok=True)
    write_new(path, text, hint="choose another name")
    return path
