"""The dialect of the original service, for clients that were written for it and run unchanged.

Facts about the protocol come from the client `databricks-genai` 1.1.8: what it sends, and what it accepts as an answer.
"""
