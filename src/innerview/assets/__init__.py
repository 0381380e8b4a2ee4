"""Weights, photographs and data sets: what they are, where they are published, and how they come here.

>>> from innerview.assets import fetch
>>> files = fetch("deepdream_photos")   # key -> path, checked
"""

from innerview.assets.catalog import Asset, File, Terms, asset, catalog, read_catalog
from innerview.assets.errors import AssetNotFound, AssetUnavailable, TermsNotAccepted, WrongHash
from innerview.assets.fetching import fetch, fetch_url
from innerview.assets.inventory import AssetCheck, AssetStatus, CacheState, cache_state, status, verify
from innerview.assets.places import cache_folder, mirror

__all__ = [
    "Asset", "AssetCheck", "AssetNotFound", "AssetStatus", "AssetUnavailable", "CacheState", "File", "Terms",
    "TermsNotAccepted", "WrongHash", "asset", "cache_folder", "cache_state", "catalog", "fetch", "fetch_url", "mirror",
    "read_catalog", "status", "verify",
]  # fmt: skip
