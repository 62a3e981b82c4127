"""Performance reporting for employment programmes."""

from perflib.records.snapshot import Snapshot, load_snapshot

__all__ = ["Snapshot", "load_snapshot"]
__version__ = "0.1.0"
