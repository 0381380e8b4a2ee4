"""What can go wrong between a catalog and a file at hand."""

from innerview.core.errors import BadInput, InnerviewError


class AssetNotFound(BadInput):
    """The catalog has no asset of this name, or the asset no such file."""


class AssetUnavailable(InnerviewError):
    """A file could be had neither from the cache nor from the mirror nor over the network."""


class WrongHash(InnerviewError):
    """A file is not the one that the catalog names."""


class TermsNotAccepted(InnerviewError):
    """Nobody has accepted the terms of photographs that would have to be downloaded."""
