"""Who may do what, in one table: `operations` says which right each operation asks for and of whose things, `addresses` which
operation each address is. Doors ask `permit`, services ask `require`; docs/permissions.md is generated from the same table.
"""

from runs.services.permissions.gate import MethodUnknown, may, permit, require
from runs.services.permissions.operations import OPERATIONS, Operation, Whose

__all__ = ["OPERATIONS", "MethodUnknown", "Operation", "Whose", "may", "permit", "require"]
