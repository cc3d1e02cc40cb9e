"""Load runs: against real processes, over HTTP alone."""
