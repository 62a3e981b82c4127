"""How reports are made, kept, issued and checked."""
