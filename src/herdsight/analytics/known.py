"""What is known of ports and names: services that call by a timer for honest reasons."""

# Protocols whose clients ask by a timer by design, or that talk to their own network alone: none of these is tested.
PERIODIC_PORTS = frozenset({0, 53, 67, 68, 123, 137, 138, 546, 547, 1900, 5351, 5353, 5355})

# Push and keep-alive services, as IANA's registry and their makers name them.
PUSH_PORTS = {
    1883: "MQTT",
    3478: "STUN",
    3479: "STUN",
    5060: "SIP",
    5061: "SIP",
    5223: "Apple's push service",
    5228: "Google's push service",
    5229: "Google's push service",
    5230: "Google's push service",
    8883: "MQTT",
}

# Ports of the services that clients on any network use; a program that calls another port brings its own protocol.
SERVICE_PORTS = frozenset(
    {
        20,
        21,
        22,
        25,
        43,
        80,
        88,
        110,
        143,
        389,
        443,
        445,
        465,
        500,
        563,
        587,
        636,
        853,
        873,
        989,
        990,
        993,
        995,
        1194,
        1701,
        1723,
        3128,
        3389,
        4500,
        5222,
        8000,
        8008,
        8080,
        8443,
        *PUSH_PORTS,
    }
)

# Whose names ordinary hosts ask for by a timer: by what their makers document of updates, telemetry and checks.
_KNOWN_NAMES = {
    "microsoft.com": "Microsoft's",
    "windowsupdate.com": "Microsoft's",
    "windows.com": "Microsoft's",
    "windows.net": "Microsoft's",
    "msftconnecttest.com": "Microsoft's",
    "msftncsi.com": "Microsoft's",
    "office.com": "Microsoft's",
    "office365.com": "Microsoft's",
    "live.com": "Microsoft's",
    "skype.com": "Microsoft's",
    "google.com": "Google's",
    "googleapis.com": "Google's",
    "gstatic.com": "Google's",
    "apple.com": "Apple's",
    "icloud.com": "Apple's",
    "mozilla.com": "Mozilla's",
    "mozilla.org": "Mozilla's",
    "mozilla.net": "Mozilla's",
    "firefox.com": "Mozilla's",
    "ubuntu.com": "Canonical's",
    "dropbox.com": "Dropbox's",
    "digicert.com": "a certificate authority's",
}


def known_name(name: str) -> str | None:
    """Whose a name is, where its owner is known to be called by a timer: "Microsoft's"; None where it is not."""
    labels = name.lower().rstrip(".").split(".")
    for start in range(len(labels)):
        if owner := _KNOWN_NAMES.get(".".join(labels[start:])):
            return owner
    return None
