"""``python -m innerview.cli`` is the `innerview` command."""

from innerview.cli import main

main()
