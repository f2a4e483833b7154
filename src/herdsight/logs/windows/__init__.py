"""Windows' events: binary, XML and JSON."""
