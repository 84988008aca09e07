"""Runs in another package's environment: reads scripts from standard input, one JSON a line, and says what came of each.

That package is imported once, which takes seconds; each script then runs in a copy of the process, as if it were the first.
"""

import contextlib
import importlib
import io
import json
import os
import sys
import traceback


def play(order: dict) -> dict:
    os.environ.update(order["env"])
    said, memory = io.StringIO(), {"__name__": "script"}
    told = {"error": "", "text": "", "trace": ""}
    with contextlib.redirect_stdout(said):
        try:
            exec(compile(order["script"], "script", "exec"), memory)
        except Exception as error:
            told = {"error": type(error).__name__, "text": str(error), "trace": traceback.format_exc()}
    return {**told, "said": said.getvalue(), "answer": memory.get("answer")}


def main() -> None:
    replies, sys.stdout = sys.stdout, sys.stderr
    for name in sys.argv[1:]:
        importlib.import_module(name)
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            replies.write(json.dumps(play(json.loads(line)), default=str) + "\n")
            replies.flush()
            os._exit(0)
        os.waitpid(child, 0)


main()
