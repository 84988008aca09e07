"""REST v1, our own dialect: plain nouns, one JSON shape for every list and one for every error."""
