"""Every reader of files with damaged ones: what is right, or one line that says what is wrong; see `bare_files.py`."""

from bare import run_bare


def test_damaged_files() -> None:
    run_bare("bare_files.py")
