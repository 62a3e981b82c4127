"""Who sees what: tables, figures and sentences, disclosed and described, and the pages made of them."""

from perflib.reporting.report import open_report

__all__ = ["open_report"]
