"""A day in an office with a bot, a relay and a flood hidden in it, as the logs of a network sensor and of Defender.

Run as `python -m herdsight.simulation.day FOLDER --seed N`: the same seed writes the same bytes.
"""

import argparse
import gzip
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa

from herdsight.logs.microsoft import device_network_events
from herdsight.logs.zeek import conn
from herdsight.simulation.addresses import public
from herdsight.simulation.background import Background, background
from herdsight.simulation.behaviours.beacon import Beacon, beacon
from herdsight.simulation.behaviours.inbound import Flood, flood
from herdsight.simulation.behaviours.relay import Relay, relay
from herdsight.simulation.defender import events
from herdsight.simulation.office import NETWORK, Host, Part, having, office
from herdsight.simulation.sessions import combine, ended
from herdsight.simulation.truth import Malicious, Truth

_BOT = 6  # the seventh workstation
_UPDATER = "updater.exe"


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """Which day, drawn from which seed."""

    start: datetime = datetime(2026, 3, 12, tzinfo=UTC)  # midnight before an ordinary Thursday
    seed: int = 1
    workstations: int = 16


@dataclass(frozen=True, slots=True)
class Telemetry:
    """Everything that happened, and what of it is malicious."""

    sessions: pa.Table  # ASimNetworkSessionLogs, in the order in which they end
    truth: Truth


def day(setting: Day) -> Telemetry:
    """The whole day; each behaviour draws from a stream of its own."""
    hosts = office(setting.workstations)
    remotes, quiet, beacons, relays, floods = np.random.default_rng(setting.seed).spawn(5)
    bot = _bot(setting, having(hosts, Part.WORKSTATION)[_BOT], str(public(1, remotes)[0]))
    node = Relay(start=setting.start, host=_address(hosts, Part.STORAGE), listens_on=8443)
    attack = Flood(start=setting.start + timedelta(hours=14, minutes=5), target=_address(hosts, Part.WEB))
    sessions = combine(
        (
            background(Background(start=setting.start, hosts=hosts), quiet),
            beacon(bot, beacons).sessions,
            relay(node, relays).sessions,
            flood(attack, floods).sessions,
        ),
    )
    return Telemetry(sessions, _truth(bot, node, attack))


def write(telemetry: Telemetry, folder: Path) -> None:
    """Write the logs and the truth file as `logs/zeek/DATE/conn.*.log.gz`, `logs/defender/*.json` and `truth.yaml`.

    A sensor writes a session down when it ends, into the file of that hour; what is still open at midnight is not in
    the day's files.
    """
    for hour, rows in _hours(telemetry.sessions):
        rotated = f"conn.{hour:%H}:00:00-{hour + timedelta(hours=1):%H}:00:00.log"
        path = _ready(folder / "logs" / "zeek" / f"{hour:%Y-%m-%d}" / rotated)
        conn.write(rows, path)
        _pack(path)
    device_network_events.write(
        events(telemetry.sessions),
        _ready(folder / "logs" / "defender" / "DeviceNetworkEvents.json"),
    )
    telemetry.truth.write(folder / "truth.yaml")


def main(arguments: Sequence[str] | None = None) -> None:
    """Write a day into a folder."""
    parser = argparse.ArgumentParser(prog="python -m herdsight.simulation.day", description=__doc__)
    parser.add_argument("folder", type=Path, help="where to write")
    parser.add_argument("--seed", type=int, default=Day().seed, help="the same seed writes the same bytes")
    chosen = parser.parse_args(arguments)
    telemetry = day(Day(seed=chosen.seed))
    write(telemetry, chosen.folder)
    sys.stderr.write(f"{telemetry.sessions.num_rows:,} sessions of a day written to {chosen.folder}\n")


def _bot(setting: Day, victim: Host, remote: str) -> Beacon:
    return Beacon(
        start=setting.start,
        source=victim.address,
        remote=remote,
        port=4782,
        device=victim.name,
        account=victim.account,
        process=_UPDATER,
    )


def _address(hosts: tuple[Host, ...], part: Part) -> str:
    return having(hosts, part)[0].address


def _truth(bot: Beacon, node: Relay, attack: Flood) -> Truth:
    return Truth(
        name="day",
        logs=("logs",),
        local=(NETWORK,),
        malicious=(
            # The sensor knows the bot by its address, Defender by its name.
            Malicious(behaviour="beacon", host=bot.source, remote=bot.remote, port=bot.port),
            Malicious(behaviour="beacon", host=bot.device, remote=bot.remote, port=bot.port),
            Malicious(behaviour="relay", host=node.host),
            Malicious(behaviour="flood", host=attack.target, port=attack.port),
        ),
    )


def _hours(sessions: pa.Table) -> Iterator[tuple[datetime, pa.Table]]:
    """The sessions by the hour in which they ended, for the 24 hours of the day in which the first began."""
    midnight = sessions["EventStartTime"].to_numpy().min().astype("datetime64[D]")
    hours = (ended(sessions) - midnight) // np.timedelta64(1, "h")
    for hour in range(24):
        yield (midnight + np.timedelta64(hour, "h")).astype(datetime), sessions.filter(pa.array(hours == hour))


def _pack(path: Path) -> None:
    """Pack a rotated log, as Zeek does afterwards; without a time inside, so that the same log gives the same bytes."""
    with path.with_name(f"{path.name}.gz").open("wb") as file, gzip.GzipFile("", "wb", fileobj=file, mtime=0) as packed:
        packed.write(path.read_bytes())
    path.unlink()


def _ready(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


if __name__ == "__main__":
    main()
