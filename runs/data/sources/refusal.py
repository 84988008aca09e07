"""How every source refuses."""


class SourceError(ValueError):
    """The reference leads nowhere, or where nobody may read; the text is for the user."""
