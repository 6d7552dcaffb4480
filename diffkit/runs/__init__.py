"""Runs: keys, store, leases, execution and sweeps."""
