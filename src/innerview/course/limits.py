"""Limit this process, then become another program: ``python limits.py '{"RLIMIT_AS": 4e9}' PROGRAM ARGUMENT...``.

It is run as a file, in the place of the program, and so imports nothing of ours.
"""

import json
import os
import resource
import sys


def main() -> None:
    """Set the limits, whose names are those of Python's `resource`, and become the program."""
    for name, value in json.loads(sys.argv[1]).items():
        kind = getattr(resource, name)
        hard = resource.getrlimit(kind)[1]
        most = int(value) if hard == resource.RLIM_INFINITY else min(int(value), hard)
        resource.setrlimit(kind, (most, most))
    os.execv(sys.argv[2], sys.argv[2:])  # noqa: S606  (to become it is the purpose)


if __name__ == "__main__":
    main()
