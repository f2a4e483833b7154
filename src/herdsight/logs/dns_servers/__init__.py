"""Query logs of DNS servers."""
