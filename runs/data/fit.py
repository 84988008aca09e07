"""Whether rows suit the chosen model's chat template: a system message where it takes none, special tokens written by hand."""

import re

from runs.data.rendering import Renderer
from runs.data.rows import Row
from runs.data.rules import Say


class ModelFit:
    def __init__(self, renderer: Renderer) -> None:
        self._system = renderer.template.accepts_system
        self._special = re.compile("|".join(map(re.escape, renderer.specials)) or r"(?!)")

    def look(self, row: Row, say: Say) -> None:
        """Say what the model makes of a chat row that follows the rules of the task."""
        messages = row["messages"]
        if not self._system and messages[0]["role"] == "system":
            say("no_system_role", "The conversation starts with a system message.", field="messages[0].role")
        for index, message in enumerate(messages):
            if found := self._special.search(message["content"]):
                say("special_token", f"The text holds the special token {found[0]}.", field=f"messages[{index}].content")
