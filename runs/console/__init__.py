"""The admin console: what is on offer, until when, who may do what, and who did it. Django's admin with our rules.

Writes go through services, so that they are audited; nothing that has a history can be deleted here.
"""
