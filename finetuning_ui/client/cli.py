"""`ftui`: the client on the command line. Reads arguments and turns what went wrong into an exit code.

0 done, 1 refused by the server (`check`: the file cannot be trained on, `estimate`: the run does not fit), 2 called wrongly,
3 the server cannot be reached, 4 the run did not complete, 130 interrupted.
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence

from finetuning_ui.client import commands
from finetuning_ui.client.arguments import parser
from finetuning_ui.client.errors import ApiError, ClientError, ConnectionFailed, NotConfigured

REFUSED, USAGE, UNREACHABLE, FAILED, INTERRUPTED = 1, 2, 3, 4, 130
ENDINGS: dict[commands.Ending | None, int] = {commands.Ending.BADLY: FAILED, commands.Ending.REFUSED: REFUSED}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; wrong arguments leave through argparse with 2."""
    asked = parser().parse_args(arguments)
    try:
        return ENDINGS.get(commands.COMMANDS[asked.command](asked), 0)
    except (NotConfigured, ValueError, OSError) as error:
        if isinstance(error, BrokenPipeError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader, `head` perhaps, has had enough
            return 0
        return _said(error, USAGE, asked)
    except ConnectionFailed as error:
        return _said(error, UNREACHABLE, asked)
    except ClientError as error:
        return _said(error, REFUSED, asked)
    except KeyboardInterrupt:
        return INTERRUPTED


def _said(error: Exception, code: int, asked: argparse.Namespace) -> int:
    """The error on standard error, as JSON when that was asked for."""
    message = str(error)
    if asked.json:
        problems = [vars(problem) for problem in error.problems] if isinstance(error, ApiError) else []
        name = error.code if isinstance(error, ApiError) else type(error).__name__
        message = json.dumps({"error": name, "message": message, "problems": problems}, ensure_ascii=False)
    sys.stderr.write(f"{message}\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
