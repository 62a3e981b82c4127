"""What may be shown to whom: columns, rounding, suppression, and the presenter that applies them."""
