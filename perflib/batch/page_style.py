"""The templates of pages and their one style sheet."""

from pathlib import Path

TEMPLATES = Path(__file__).parent / "template"
STYLE = (TEMPLATES / "style.css").read_text(encoding="utf-8")
