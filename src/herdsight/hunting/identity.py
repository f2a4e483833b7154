"""The name of a finding."""

import hashlib
import json
from collections.abc import Iterable


def identity(detection: str, entities: Iterable[str]) -> str:
    """A name for the finding that is the same whenever the same detection names the same entities."""
    digest = hashlib.sha256(json.dumps([detection, *entities]).encode())
    return f"F{digest.hexdigest()[:10]}"
