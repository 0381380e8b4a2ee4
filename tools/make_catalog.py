"""Write the catalog's list of files from a manifest.

    python tools/make_catalog.py MANIFEST.tsv [OUT.tsv.xz]

A manifest is a table with the columns asset, url, sha256, bytes, license, note. Describe a new asset in
``src/innerview/assets/assets.toml`` first; the license must be the same there and in the manifest.
"""

import csv
import lzma
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOM = Path(__file__).resolve().parents[1] / "src" / "innerview" / "assets"


def rows(manifest: Path) -> Iterator[tuple[str, ...]]:
    """Yield asset, key, hash and size of each file, after comparing the manifest with the descriptions."""
    described = tomllib.loads((ROOM / "assets.toml").read_text(encoding="utf-8"))["asset"]
    with manifest.open(encoding="utf-8", newline="") as table:
        for row in csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE):
            entry = described.get(row["asset"])
            if entry is None:
                sys.exit(f"assets.toml does not describe {row['asset']}")
            if entry["license"] != row["license"]:
                sys.exit(f"assets.toml tells another license of {row['asset']} than the manifest")
            if not row["url"].startswith(entry["prefix"]):
                sys.exit(f"{row['url']} does not begin with the prefix of {row['asset']}")
            yield row["asset"], row["url"].removeprefix(entry["prefix"]), row["sha256"], row["bytes"]


def main(manifest: Path, out: Path) -> None:
    """Write `out` and say how large it became."""
    lines = [("asset", "key", "sha256", "bytes"), *rows(manifest)]
    text = "".join("\t".join(line) + "\n" for line in lines)
    out.write_bytes(lzma.compress(text.encode(), preset=9 | lzma.PRESET_EXTREME))
    print(f"{out}: {len(lines) - 1} files, {out.stat().st_size} bytes")


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) == 3 else ROOM / "catalog.tsv.xz")
