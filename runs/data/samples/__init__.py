"""Data sets that come with the product, to try it with. Each folder has a README with its licence."""

from pathlib import Path

HELPDESK = Path(__file__).parent / "helpdesk"
