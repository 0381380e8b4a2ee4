"""What a person calls first, with malformed images and arguments; see `bare_library.py`."""

from bare import run_bare


def test_malformed_calls() -> None:
    run_bare("bare_library.py")
