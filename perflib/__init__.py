"""Performance reporting for employment programmes."""

from perflib.records.snapshot import Snapshot, load_snapshot, month_before

__all__ = ["Snapshot", "load_snapshot", "month_before"]
__version__ = "0.1.0"
