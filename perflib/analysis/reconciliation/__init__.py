"""Figures from elsewhere beside the contract's own: the department's MI pack, one source beside another, labour market.

`mi_pack` compares figure by figure and says how much of each difference is explained, and by what; `sources` compares
the provider's own system with the department's, event by event; `outside` reads series that others publish.
"""

from perflib.analysis.reconciliation.labour_market import labour_market
from perflib.analysis.reconciliation.mi_pack import REASONS, rows_behind, with_mi_pack
from perflib.analysis.reconciliation.source_comparison import CRM, PRAP, source_mix, sources

__all__ = ["CRM", "PRAP", "REASONS", "labour_market", "rows_behind", "source_mix", "sources", "with_mi_pack"]
