"""Every write and every rule. Views, endpoints, tasks and commands come through here, with one call each.

A service is keyword-only, atomic, knows who acts (`by=`), and returns the object or raises a named `Refused`.
"""
