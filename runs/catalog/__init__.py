"""Base models that ship with the product: what they are, under which licence, what they need. Knows no database."""
