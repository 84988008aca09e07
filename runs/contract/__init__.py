"""What web and engine agree on: the specification that goes in, the events that come out, the folder between them.

Knows no Django and no torch, so that either side can import it in milliseconds.
"""
