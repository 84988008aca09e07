"""What the product asks of whatever runs its engines."""

from typing import Protocol

from runs.contract.folder import RunFolder


class LaunchFailed(Exception):
    """The engine could not be started at all; the text is for the user."""


class Launcher(Protocol):
    def start(self, folder: RunFolder) -> None:
        """Start an engine that outlives the caller; raise LaunchFailed."""

    def is_alive(self, folder: RunFolder) -> bool:
        """Whether the engine last started on this folder still works. Read `exit.json` first: a finished one is not lost."""

    def interrupt(self, folder: RunFolder) -> None:
        """Ask the engine to keep a checkpoint and leave; returns at once and does nothing when none is alive."""

    def was_starved(self, folder: RunFolder) -> bool:
        """Whether the kernel has killed processes for want of memory since the engine began: if it is gone, it was one."""

    def kill(self, folder: RunFolder) -> None:
        """End the engine without asking, if one is alive: for one whose work nobody wants any more."""
