"""Rows in, examples out: sources, validation, profile, and the one tokenization that training and its preview share.

Knows neither Django nor torch nor transformers, so that web processes can import it.
"""
