"""A hunt as a page for people."""

import shlex
from collections.abc import Iterator, Sequence
from datetime import datetime

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from herdsight.findings.model import Finding, HostVerdict, Hunt, IndicatorList, Input, Severity
from herdsight.output.blocks import Block, blocks
from herdsight.output.parts import heading, indented, safe_text, side_by_side
from herdsight.output.proof import evidence_facts
from herdsight.output.safe import printable
from herdsight.output.words import count_words, length_words, listed, period, times_to_read

_STYLES = {
    Severity.HIGH: "bold red",
    Severity.MEDIUM: "bold yellow",
    Severity.LOW: "cyan",
    Severity.INFORMATIONAL: "dim",
}
# A page is read by a person. Where there is more than this, it says how much more, and which format has it all.
_MOST_VERDICTS = 50
_MOST_BLOCKS = 20
_MOST_FILES = 10
_MOST_NAMES = 6
_ROOMY = 100  # columns from which a page can afford two times a row


def render_hunt(hunt: Hunt, console: Console, paths: Sequence[str] = ()) -> None:
    """Print a hunt for a person to read: the verdicts first, then why, then what was read and what could not run.

    `paths` are the words with which to name the logs in the commands that the page suggests; without them it names
    the files that were read.
    """
    _print_headline(hunt, console)
    if hunt.verdicts:
        _print_verdicts(hunt, console)
    _print_findings(hunt, console, paths or tuple(item.path for item in hunt.inputs if item.rows))
    _print_inputs(hunt.inputs, console)
    _print_withheld(hunt, console)
    _print_indicators(hunt, console)
    _print_skipped(hunt, console)


# A host of low severity is worth knowing; only from medium on is somebody to get up from the chair.
_ALARMING = Severity.MEDIUM


def headline(hunt: Hunt) -> str:
    """The hunt in one sentence, such as `3 hosts need attention and 5 more are worth a look, in 24 h of logs.`."""
    alarming = sum(verdict.severity.rank >= _ALARMING.rank for verdict in hunt.verdicts)
    others = len(hunt.verdicts) - alarming
    span = f"in {length_words(hunt.span[1] - hunt.span[0])} of logs"
    if not hunt.verdicts:
        return f"Nothing found {span}."
    if not others:
        return f"{count_words(alarming, 'host')} {'needs' if alarming == 1 else 'need'} attention {span}."
    look = f"{'is' if others == 1 else 'are'} worth a look"
    if not alarming:
        return f"No host needs attention {span}; {count_words(others, 'host')} {look}."
    needs = "needs" if alarming == 1 else "need"
    return f"{count_words(alarming, 'host')} {needs} attention and {others:,} more {look}, {span}."


def _print_headline(hunt: Hunt, console: Console) -> None:
    worst = max((verdict.severity for verdict in hunt.verdicts), key=lambda severity: severity.rank, default=None)
    console.print(safe_text(headline(hunt), _STYLES[worst] if worst else "bold green"))
    rows = sum(item.rows for item in hunt.inputs)
    files = sum(item.rows > 0 for item in hunt.inputs)
    checked = f"{count_words(rows, 'row')} from {count_words(files, 'file')}"
    console.print(safe_text(f"{checked}, {period(*hunt.span, length=False)}", "dim"))
    if not hunt.verdicts and hunt.skipped:
        console.print(
            safe_text(f"{count_words(len(hunt.skipped), 'detection')} could not run on this data; see below.")
        )


def _print_verdicts(hunt: Hunt, console: Console) -> None:
    findings = {finding.id: finding for finding in hunt.findings}
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    table.add_column("Severity", no_wrap=True)
    for name in ("Host", "Roles", "What"):
        table.add_column(name, overflow="fold")
    for name in ("Since", "Last") if console.width >= _ROOMY else ("Seen",):
        table.add_column(name, no_wrap=True)
    table.add_column("Findings" if console.width >= _ROOMY else "#", justify="right")
    for verdict in hunt.verdicts[:_MOST_VERDICTS]:
        found = [findings[name] for name in verdict.findings if name in findings]
        table.add_row(*_verdict_cells(verdict, found, hunt, console.width >= _ROOMY))
    console.print(table)
    _print_more(len(hunt.verdicts) - _MOST_VERDICTS, "host", console)


_MOST_OF_A_NAME = 120  # characters in the table; the finding below has all of them


def shortened(name: str) -> str:
    """A name as long as a table bears it."""
    return name if len(name) <= _MOST_OF_A_NAME else f"{name[: _MOST_OF_A_NAME - 1]}…"


def _verdict_cells(verdict: HostVerdict, found: Sequence[Finding], hunt: Hunt, roomy: bool) -> Iterator[Text]:
    yield safe_text(verdict.severity.value, _STYLES[verdict.severity])
    yield safe_text(shortened(verdict.host), "bold")
    yield safe_text(", ".join(verdict.roles))
    titles = list(dict.fromkeys(finding.title for finding in found))
    yield safe_text("; ".join(titles) or " ".join(verdict.story))
    times = _short_times(found, hunt.span)
    if roomy:
        yield from map(safe_text, times or ("", ""))
    else:
        yield Text("\n").join(safe_text(time) for time in dict.fromkeys(times))
    yield safe_text(f"{len(verdict.findings):,}")


def _short_times(found: Sequence[Finding], span: tuple[datetime, datetime]) -> tuple[str, ...]:
    """When it began and when it was last seen, without the parts of a date that all of the hunt has in common."""
    if not found:
        return ()
    first, last = span
    same_day, same_year = first.date() == last.date(), first.year == last.year
    form = "%H:%M" if same_day else "%m-%d %H:%M" if same_year else "%Y-%m-%d"
    ends = (min(finding.first_seen for finding in found), max(finding.last_seen for finding in found))
    return tuple(end.strftime(form) for end in ends)


def _print_more(more: int, thing: str, console: Console) -> None:
    if more > 0:
        console.print(safe_text(f"and {count_words(more, 'more ' + thing)}; --format json has them all", "dim"))


def _print_findings(hunt: Hunt, console: Console, paths: Sequence[str]) -> None:
    """Every finding below its host, in the order of the verdicts; then those that no verdict names."""
    found = list(_by_host(hunt))
    before: HostVerdict | str | None = None
    for above, block in found[:_MOST_BLOCKS]:
        if above is not before:
            _print_host(above, console) if isinstance(above, HostVerdict) else heading(above, console)
            before = above
        _print_block(block, console, paths)
    more = sum(1 + len(block.beside) for _, block in found[_MOST_BLOCKS:])
    if more:
        console.print()
    _print_more(more, "finding", console)


def _by_host(hunt: Hunt) -> Iterator[tuple[HostVerdict | str, Block]]:
    """Each block with the verdict, or the heading, that it stands under."""
    waiting = {finding.id: finding for finding in hunt.findings}
    for verdict in hunt.verdicts:
        for block in blocks(waiting.pop(name) for name in verdict.findings if name in waiting):
            yield verdict, block
    for finding in waiting.values():
        yield "Not held against a host", Block(finding, ())


def _print_host(verdict: HostVerdict, console: Console) -> None:
    chance = f", probability {verdict.probability:.2f}" if verdict.probability is not None else ""
    roles = ", ".join(verdict.roles)
    heading(f"{verdict.host}: {roles}{chance}", console)
    if len(verdict.findings) > 1:  # the story of a single finding is that finding
        for sentence in verdict.story:
            console.print(safe_text(times_to_read(sentence)))


def _print_block(block: Block, console: Console, paths: Sequence[str]) -> None:
    finding = block.finding
    console.print()
    console.print(Text("  ").join(_title(finding)))
    grid = side_by_side("dim", "")
    for label, words in (*_facts(finding), *evidence_facts(finding)):
        grid.add_row(safe_text(label), safe_text(words))
    console.print(indented(grid))
    console.print(safe_text("  all of these rows:", "dim"))
    # One long line, which the terminal folds: so it can be copied and pasted as it is.
    console.print(safe_text(f"  {follow_up(finding, paths)}", "green"), soft_wrap=True)
    if block.beside:
        _print_beside(block, console)


def _title(finding: Finding) -> Iterator[Text]:
    yield safe_text(finding.severity.value, _STYLES[finding.severity])
    yield safe_text(finding.title, "bold")
    yield safe_text(finding.id, "dim")


def _print_beside(block: Block, console: Console) -> None:
    """A line for each finding that tells of the same by other means; the JSON has all of it.

    A machine may have several names: one that sensors on the machine know it by, and the address on the wire.
    """
    console.print(safe_text("  also told by:", "dim"))
    grid = side_by_side("", "", "dim", "")
    for finding in block.beside:
        reason = finding.reasons[0] if finding.reasons else ""
        other = f"of {finding.host}" if finding.host != block.finding.host else ""
        grid.add_row(*_title(finding), safe_text(f"{reason} ({other})" if reason and other else reason or other))
    console.print(indented(grid))


def _facts(finding: Finding) -> Iterator[tuple[str, str]]:
    yield "host", ", ".join(part for part in (finding.host, finding.process, finding.account) if part)
    yield from _ends(finding)
    yield "seen", period(finding.first_seen, finding.last_seen)
    chance = f", probability {finding.probability:.2f}" if finding.probability is not None else ""
    yield "confidence", finding.confidence + chance
    yield from zip(("why", *("" for _ in finding.reasons)), finding.reasons, strict=False)
    if finding.explained_by:
        yield "but", f"explained by {finding.explained_by}"
    if finding.techniques:
        yield "ATT&CK", ", ".join(finding.techniques)


def _ends(finding: Finding) -> Iterator[tuple[str, str]]:
    """The other ends: one address and port as one word, many as lists."""
    ports = [str(port) for port in finding.ports]
    if len(finding.remotes) == 1 and ports:
        remote = f"[{finding.remotes[0]}]" if ":" in finding.remotes[0] else finding.remotes[0]
        yield "remote", f"{remote}:{listed(ports, _MOST_NAMES)}"
    else:
        if finding.remotes:
            yield "remotes" if len(finding.remotes) > 1 else "remote", listed(finding.remotes, _MOST_NAMES)
        if ports:
            yield "ports" if len(ports) > 1 else "port", listed(ports, _MOST_NAMES)
    if finding.domains:
        yield "domains" if len(finding.domains) > 1 else "domain", listed(finding.domains, _MOST_NAMES)


def follow_up(finding: Finding, paths: Sequence[str]) -> str:
    """The command that shows every row behind a finding, quoted for a POSIX shell."""
    kql = f"{finding.evidence.table} | where {finding.evidence.filter}"
    return printable(shlex.join(["herdsight", "query", "-e", kql, *paths]))


def _print_inputs(inputs: Sequence[Input], console: Console) -> None:
    heading("What was read", console)
    groups: dict[tuple[str, str], list[Input]] = {}
    for item in inputs:
        if item.format:
            groups.setdefault((item.format, item.table or ""), []).append(item)
    grid = side_by_side("", "", "")
    for (form, table), items in groups.items():
        rows = sum(item.rows for item in items)
        rejected = sum(item.rejected for item in items)
        words = f"{count_words(rows, 'row')} from {count_words(len(items), 'file')}"
        words += f", {rejected:,} rejected" if rejected else ""
        grid.add_row(safe_text(form, "bold"), safe_text(table), safe_text(words))
    console.print(indented(grid))
    _print_oddities([item for item in inputs if item.rejected or item.notes or not item.format], console)


def _print_oddities(items: Sequence[Input], console: Console) -> None:
    """The files of which a reader must know something: rows that were rejected, or why a file was not read."""
    grid = side_by_side("yellow", "")
    for item in items[:_MOST_FILES]:
        why = [f"{count:,} rejected: {reason}" for reason, count in item.reasons.items()]
        grid.add_row(safe_text(item.path), safe_text("; ".join([*why, *item.notes]) or "not recognised"))
    if items:
        console.print()
        console.print(indented(grid))
    _print_more(len(items) - _MOST_FILES, "file", console)


def _print_withheld(hunt: Hunt, console: Console) -> None:
    if hunt.withheld or hunt.unused:
        heading("What is not told", console)
    grid = side_by_side("bold", "")
    for item in hunt.withheld:
        grid.add_row(safe_text(item.detection), safe_text(f"{count_words(item.count, 'finding')}: {item.why}"))
    for sentence in hunt.unused:
        grid.add_row(safe_text("tuning"), safe_text(sentence))
    if hunt.withheld or hunt.unused:
        console.print(indented(grid))


def _print_indicators(hunt: Hunt, console: Console) -> None:
    if not hunt.indicators:
        return
    heading("Indicators", console)
    grid = side_by_side("bold", "")
    for item in hunt.indicators:
        grid.add_row(safe_text(item.source), safe_text("; ".join(_of_list(item))))
        for sentence in (*item.warnings, *(f"line {sample}" for sample in item.samples[:_MOST_SAMPLES])):
            grid.add_row(Text(""), safe_text(sentence, "dim"))
    console.print(indented(grid))


_MOST_SAMPLES = 3  # refused entries of a list; --format json has more


def _of_list(item: IndicatorList) -> Iterator[str]:
    """What became of a list, in parts of a sentence."""
    yield f"{item.used:,} of {item.read:,} entries used"
    if item.repeated:
        yield f"{item.repeated:,} repeated"
    if item.refused:
        reasons = ", ".join(f"{reason} ({count:,})" for reason, count in item.refused.items())
        yield f"{sum(item.refused.values()):,} refused: {reasons}"
    if item.expired:
        yield f"{item.expired:,} ended before these logs begin"
    yield f"{item.matched:,} met by hosts, of which findings tell {item.told:,}" if item.matched else "none met"


def _print_skipped(hunt: Hunt, console: Console) -> None:
    if not hunt.skipped:
        return
    heading("What could not run on this data", console)
    grid = side_by_side("bold", "")
    for item in hunt.skipped:
        grid.add_row(safe_text(item.detection), safe_text(item.why))
    console.print(indented(grid))
