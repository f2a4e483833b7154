"""What an ordinary office and its public side do all day, one row for each kind of traffic.

Periods and volumes are those that the software is known to have by default (ntpd polls every 1,024 s once settled; a
mail client renews IDLE before 30 minutes) and otherwise plausible for an office of about 25 hosts.
"""

from dataclasses import dataclass

from herdsight.simulation.office import Part
from herdsight.simulation.timing import ALWAYS, NIGHT, OFFICE, PUBLIC, Rhythm

_EVERY = tuple(Part)


@dataclass(frozen=True, slots=True)
class Outside:
    """So many different hosts somewhere on the Internet."""

    count: int


@dataclass(frozen=True, slots=True)
class Timer:
    """A program's loop: its period in seconds, and the jitter as a fraction of it."""

    period_s: float
    jitter: float = 0.02


@dataclass(frozen=True, slots=True)
class People:
    """What happens when somebody does something: how often an hour at the peak of which rhythm."""

    an_hour: float
    rhythm: Rhythm


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One kind of ordinary traffic: who asks whom for what, when, and how much of it."""

    name: str
    clients: tuple[Part, ...] | Outside
    only: int | None = None  # only the first so many of the clients
    servers: tuple[Part, ...] | Outside
    when: Timer | People
    each: bool = False  # every client asks every server, rather than one of them at a time
    favourites: float = 1.0  # Zipf exponent of how unevenly the servers are asked; 0: evenly
    ports: tuple[int, ...]
    source_port: int | None = None
    transport: str = "TCP"
    application: str | None = None  # in Zeek's words; None: what is usual on the port
    sessions: float = 1.0  # mean number each time, geometric
    within_s: float = 2.0  # they begin within that many seconds of the first
    duration_s: float  # median, log-normal
    sent_bytes: float  # median, log-normal
    received_bytes: float  # median, log-normal
    tail: float = 1.0  # sigma of the three: 1.0 spreads one in twenty beyond five times the median
    states: tuple[tuple[str, float], ...] = (("SF", 0.985), ("RSTO", 0.01), ("S0", 0.005))
    process: str = ""  # on hosts where somebody watches processes
    account: str | None = None  # None: of whoever sits at the host


# What is spoken on a port, in Zeek's words.
USUAL = {
    22: "ssh",
    53: "dns",
    80: "http",
    88: "krb_tcp",
    123: "ntp",
    135: "dce_rpc",
    161: "snmp",
    389: "ldap_tcp",
    443: "ssl",
    445: "smb",
    587: "smtp",
    993: "ssl",
    5432: "postgresql",
    8883: "ssl",
}

_WS = (Part.WORKSTATION,)
_DC = (Part.DIRECTORY,)
_ANSWERED = (("SF", 0.995), ("S0", 0.005))
_PROBES = (("SF", 0.5), ("RSTO", 0.25), ("S1", 0.1), ("RSTR", 0.15))
_CLOSED = (("S0", 0.7), ("REJ", 0.3))
_SYSTEM = "system"
_NETWORK_SERVICE = "network service"
BUILT_IN = (_SYSTEM, _NETWORK_SERVICE)  # the accounts of Windows itself

SERVICES = (
    # People at their desks.
    Service(
        name="web pages",
        clients=_WS,
        servers=Outside(900),
        when=People(11, OFFICE),
        ports=(443, 443, 443, 443, 443, 443, 443, 80),
        sessions=9,
        within_s=6,
        duration_s=8,
        sent_bytes=1_900,
        received_bytes=14_000,
        tail=1.6,
        process="chrome.exe",
    ),
    Service(
        name="web pages over QUIC",
        clients=_WS,
        servers=Outside(60),
        when=People(5, OFFICE),
        ports=(443,),
        transport="UDP",
        application="quic",
        sessions=4,
        within_s=4,
        duration_s=20,
        sent_bytes=5_000,
        received_bytes=40_000,
        tail=1.6,
        states=_ANSWERED,
        process="chrome.exe",
    ),
    Service(
        name="names",
        clients=_WS,
        servers=_DC,
        when=People(32, OFFICE),
        ports=(53,),
        transport="UDP",
        sessions=2.5,
        within_s=1,
        duration_s=0.01,
        sent_bytes=36,
        received_bytes=120,
        tail=0.4,
        states=_ANSWERED,
        process="svchost.exe",
        account=_NETWORK_SERVICE,
    ),
    Service(
        name="files",
        clients=_WS,
        servers=(Part.FILES, Part.STORAGE),
        when=People(4, OFFICE),
        ports=(445,),
        duration_s=240,
        sent_bytes=30_000,
        received_bytes=220_000,
        tail=1.9,
        process="System",
        account=_SYSTEM,
    ),
    Service(
        name="directory",
        clients=_WS,
        servers=_DC,
        when=People(5, OFFICE),
        ports=(88, 389, 445, 135),
        sessions=3,
        duration_s=0.4,
        sent_bytes=1_500,
        received_bytes=1_800,
        process="lsass.exe",
        account=_SYSTEM,
    ),
    Service(
        name="mail, waiting",
        clients=_WS,
        servers=Outside(4),
        when=Timer(29 * 60, 0.01),
        ports=(993,),
        duration_s=1_700,
        sent_bytes=2_600,
        received_bytes=9_000,
        tail=0.25,
        process="outlook.exe",
    ),
    Service(
        name="mail, sending",
        clients=_WS,
        servers=Outside(4),
        when=People(2, OFFICE),
        ports=(587,),
        duration_s=2,
        sent_bytes=22_000,
        received_bytes=900,
        tail=1.6,
        process="outlook.exe",
    ),
    Service(
        name="calls",
        clients=_WS,
        servers=Outside(40),
        when=People(0.5, OFFICE),
        ports=(3478, 3479, 3480),
        transport="UDP",
        sessions=4,
        within_s=5,
        duration_s=900,
        sent_bytes=9e6,
        received_bytes=11e6,
        states=_ANSWERED,
        process="Teams.exe",
    ),
    Service(
        name="printing",
        clients=_WS,
        servers=(Part.PRINTER,),
        when=People(0.6, OFFICE),
        ports=(9100,),
        duration_s=6,
        sent_bytes=400_000,
        received_bytes=200,
        tail=1.4,
        process="spoolsv.exe",
        account=_SYSTEM,
    ),
    Service(
        name="administration of rented servers",
        clients=_WS,
        only=2,
        servers=Outside(5),
        when=People(0.8, OFFICE),
        ports=(22,),
        duration_s=600,
        sent_bytes=20_000,
        received_bytes=60_000,
        tail=1.4,
        process="ssh.exe",
    ),
    Service(
        name="file sharing among peers",
        clients=_WS,
        only=1,
        servers=Outside(600),
        when=People(110, OFFICE),
        favourites=0,
        ports=(6881, 16881, 51413, 27015, 40123),
        source_port=6881,
        transport="UDP",
        duration_s=30,
        sent_bytes=9_000,
        received_bytes=70_000,
        tail=2,
        states=(("SF", 0.6), ("S0", 0.4)),
        process="qbittorrent.exe",
    ),
    # Programs on the desks.
    Service(
        name="telemetry",
        clients=_WS,
        servers=Outside(3),
        when=Timer(1_800, 0.1),
        each=True,
        ports=(443,),
        duration_s=1.5,
        sent_bytes=3_200,
        received_bytes=5_400,
        tail=0.5,
        process="svchost.exe",
        account=_SYSTEM,
    ),
    Service(
        name="virus protection",
        clients=_WS,
        servers=Outside(2),
        when=Timer(900, 0.05),
        ports=(443,),
        duration_s=0.8,
        sent_bytes=2_400,
        received_bytes=4_800,
        tail=0.3,
        process="MsMpEng.exe",
        account=_SYSTEM,
    ),
    Service(
        name="files in the cloud",
        clients=_WS,
        servers=Outside(6),
        when=Timer(600, 0.2),
        ports=(443,),
        duration_s=12,
        sent_bytes=6_000,
        received_bytes=8_000,
        tail=1.5,
        process="OneDrive.exe",
    ),
    Service(
        name="software updates",
        clients=_WS,
        servers=Outside(40),
        when=People(0.7, OFFICE),
        ports=(80, 443),
        sessions=6,
        within_s=60,
        duration_s=25,
        sent_bytes=1_200,
        received_bytes=2.5e6,
        tail=2,
        process="svchost.exe",
        account=_SYSTEM,
    ),
    Service(
        name="clock of the desks",
        clients=_WS,
        servers=_DC,
        when=Timer(1_024, 0.01),
        ports=(123,),
        source_port=123,
        transport="UDP",
        duration_s=0.01,
        sent_bytes=48,
        received_bytes=48,
        tail=0,
        states=_ANSWERED,
        process="svchost.exe",
        account=_NETWORK_SERVICE,
    ),
    # Servers and machines.
    Service(
        name="names, asked outside",
        clients=_DC,
        servers=Outside(4),
        when=People(280, OFFICE + 0.06),
        ports=(53,),
        transport="UDP",
        sessions=1.5,
        duration_s=0.03,
        sent_bytes=40,
        received_bytes=160,
        tail=0.5,
        states=_ANSWERED,
    ),
    Service(
        name="clock of the office",
        clients=_DC,
        servers=Outside(4),
        when=Timer(1_024, 0.005),
        each=True,
        ports=(123,),
        source_port=123,
        transport="UDP",
        duration_s=0.03,
        sent_bytes=48,
        received_bytes=48,
        tail=0,
        states=_ANSWERED,
    ),
    Service(
        name="monitoring",
        clients=(Part.MONITOR,),
        servers=_EVERY,
        when=Timer(120, 0.005),
        each=True,
        ports=(161,),
        transport="UDP",
        duration_s=0.05,
        sent_bytes=420,
        received_bytes=1_500,
        tail=0.1,
        states=_ANSWERED,
    ),
    Service(
        name="health of the web site",
        clients=(Part.MONITOR,),
        servers=(Part.WEB,),
        when=Timer(60, 0.005),
        ports=(443,),
        duration_s=0.1,
        sent_bytes=700,
        received_bytes=3_900,
        tail=0.1,
    ),
    Service(
        name="database",
        clients=(Part.WEB,),
        servers=(Part.DATABASE,),
        when=People(220, PUBLIC),
        ports=(5432,),
        duration_s=0.5,
        sent_bytes=1_400,
        received_bytes=9_000,
        tail=1.2,
    ),
    Service(
        name="backup",
        clients=(Part.WORKSTATION, Part.FILES, Part.DATABASE, Part.WEB),
        servers=(Part.STORAGE,),
        when=People(0.9, NIGHT),
        ports=(873,),
        duration_s=700,
        sent_bytes=4e8,
        received_bytes=2e5,
        tail=1.5,
        process="veeam-agent.exe",
        account=_SYSTEM,
    ),
    Service(
        name="updates of the servers",
        clients=(Part.DIRECTORY, Part.FILES, Part.DATABASE, Part.WEB, Part.STORAGE, Part.MONITOR),
        servers=Outside(12),
        when=People(0.5, ALWAYS),
        ports=(443, 80),
        sessions=3,
        within_s=20,
        duration_s=5,
        sent_bytes=1_000,
        received_bytes=300_000,
        tail=2,
    ),
    Service(
        name="cloud of the devices",
        clients=(Part.PRINTER, Part.CAMERA, Part.STORAGE),
        servers=Outside(3),
        when=Timer(3_600, 0.05),
        ports=(443, 443, 8883),
        duration_s=900,
        sent_bytes=4_000,
        received_bytes=3_000,
        tail=0.6,
    ),
    # The public side.
    Service(
        name="visitors",
        clients=Outside(2_500),
        servers=(Part.WEB,),
        when=People(0.05, PUBLIC),
        ports=(443, 443, 443, 80),
        sessions=5,
        within_s=40,
        duration_s=4,
        sent_bytes=1_500,
        received_bytes=30_000,
        tail=1.4,
    ),
    Service(
        name="scanners of port 80",
        clients=Outside(2_000),
        servers=(Part.WEB,),
        when=People(0.05, ALWAYS),
        ports=(80,),
        sessions=1.6,
        within_s=20,
        duration_s=0.6,
        sent_bytes=240,
        received_bytes=420,
        states=_PROBES,
    ),
    Service(
        name="scanners of port 443",
        clients=Outside(700),
        servers=(Part.WEB,),
        when=People(0.05, ALWAYS),
        ports=(443,),
        sessions=1.5,
        duration_s=0.6,
        sent_bytes=520,
        received_bytes=2_800,
        states=_PROBES,
    ),
    Service(
        name="password guessers",
        clients=Outside(400),
        servers=(Part.WEB,),
        when=People(0.05, ALWAYS),
        ports=(22,),
        sessions=4,
        within_s=60,
        duration_s=3,
        sent_bytes=1_700,
        received_bytes=2_200,
        states=(("SF", 0.7), ("RSTO", 0.2), ("RSTR", 0.1)),
    ),
    Service(
        name="knocks on closed ports",
        clients=Outside(1_500),
        servers=(Part.WEB, Part.STORAGE),
        when=People(0.04, ALWAYS),
        ports=(23, 445, 3389, 5900, 8080, 1433, 6379),
        sessions=1.3,
        duration_s=0.05,
        sent_bytes=0,
        received_bytes=0,
        states=_CLOSED,
    ),
    Service(
        name="people at home",
        clients=Outside(10),
        servers=(Part.STORAGE,),
        when=People(0.4, PUBLIC),
        ports=(5001,),
        application="ssl",
        sessions=3,
        within_s=30,
        duration_s=30,
        sent_bytes=20_000,
        received_bytes=300_000,
        tail=1.8,
    ),
)
