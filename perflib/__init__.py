"""Performance reporting for employment programmes."""

from perflib.records.loading import load_snapshot, month_before
from perflib.records.small_sample import sample_snapshot
from perflib.records.snapshot import Snapshot

__all__ = ["Snapshot", "load_snapshot", "month_before", "sample_snapshot"]
__version__ = "0.1.0"
