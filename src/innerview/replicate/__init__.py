"""Papers, their claims, the runs that measure them, and the ledger of results."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from innerview.replicate.paper import Claim, Measurement, Paper

if TYPE_CHECKING:
    from innerview.replicate.ledger import collect_claims, compare, comparison_table, write_reference
    from innerview.replicate.run import Run
    from innerview.replicate.runner import Job, replicate
    from innerview.replicate.shelf import ReplicationFailed, find_root, load_paper, paper_names, papers

_LATE = {  # imported at first use: the ledger needs no torch, and a paper no notebook tools
    "collect_claims": "ledger",
    "compare": "ledger",
    "comparison_table": "ledger",
    "write_reference": "ledger",
    "Run": "run",
    "Job": "runner",
    "replicate": "runner",
    "ReplicationFailed": "shelf",
    "find_root": "shelf",
    "load_paper": "shelf",
    "paper_names": "shelf",
    "papers": "shelf",
}

__all__ = [
    "Claim",
    "Job",
    "Measurement",
    "Paper",
    "ReplicationFailed",
    "Run",
    "collect_claims",
    "compare",
    "comparison_table",
    "find_root",
    "load_paper",
    "paper_names",
    "papers",
    "replicate",
    "write_reference",
]


def __getattr__(name: str) -> Any:
    if name not in _LATE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_LATE[name]}"), name)
