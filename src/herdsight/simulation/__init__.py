"""Makes telemetry of known behaviour: what a detection must find, and what it must leave alone."""
