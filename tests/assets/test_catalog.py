"""The catalog is complete, says where each file comes from, and names near things when asked for wrong ones."""

import csv
import lzma
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from innerview.assets import AssetNotFound, asset, catalog, fetch, read_catalog
from innerview.assets.places import place_of
from innerview.core.errors import BadInput

ROOT = Path(__file__).parents[2]


def test_every_asset_is_described():
    for name, entry in catalog().items():
        assert entry.name == name
        assert entry.files
        assert entry.title
        assert entry.license
        assert entry.citation.isidentifier()
        assert entry.bytes == sum(file.bytes or 0 for file in entry.files) > 0


def test_files_have_places_of_their_own_and_whole_hashes():
    files = [file for entry in catalog().values() for file in entry.files]
    assert len({place_of(file.url) for file in files}) == len(files)
    assert {len(file.sha256) for file in files} == {64}
    assert all(file.url.endswith(f"/{file.key}") for file in files)


def test_imagenet_photographs_have_terms_and_nothing_else_has():
    with_terms = {name for name, entry in catalog().items() if entry.terms}
    assert with_terms == {name for name in catalog() if name.startswith("imagenet")}


def test_wrong_names_are_answered_with_near_ones():
    with pytest.raises(AssetNotFound, match=r"'bvlc_googelnet'; near ones: bvlc_googlenet"):
        asset("bvlc_googelnet")
    with pytest.raises(AssetNotFound, match=r"no file 'sky\.jpg'; near ones: sky1024px\.jpg"):
        fetch("deepdream_photos", keys=["sky.jpg"])
    assert issubclass(AssetNotFound, BadInput)


def test_a_catalog_can_be_read_from_files(tmp_path):
    (tmp_path / "a.toml").write_text(
        '[terms.t]\ntitle="T"\ntext="Be kind."\nurl="https://t.org"\n'
        '[asset.x]\ntitle="X"\nlicense="MIT"\ncitation="x2020"\nnote=""\nprefix="https://x.org/d/"\nterms="t"\n'
    )
    (tmp_path / "a.xz").write_bytes(lzma.compress(b"asset\tkey\tsha256\tbytes\nx\ta/b.bin\t00ff\t7\n"))
    entry = read_catalog(tmp_path / "a.toml", tmp_path / "a.xz")["x"]
    (file,) = entry.files
    assert (file.url, file.sha256, file.bytes, file.key) == ("https://x.org/d/a/b.bin", "00ff", 7, "a/b.bin")
    assert entry.terms is not None
    assert entry.terms.text == "Be kind."


def test_import_is_light():
    """The room itself pulls in no torch, whatever the package's own ``__init__`` does."""
    code = (
        "import sys, types; package = types.ModuleType('innerview'); package.__path__ = [sys.argv[1]]; "
        "sys.modules['innerview'] = package; import innerview.assets; sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code, ROOT / "src" / "innerview"], check=False).returncode == 0


@pytest.mark.mirror
def test_catalog_equals_the_manifest(real_mirror, tmp_path):
    manifest = Path(real_mirror) / "MANIFEST.tsv"
    if not manifest.is_file():
        pytest.skip("this mirror holds no MANIFEST.tsv")
    with manifest.open(encoding="utf-8", newline="") as table:
        rows = [tuple(row.values()) for row in csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE)]
    ours = [
        (name, file.url, file.sha256, str(file.bytes), entry.license)
        for name, entry in catalog().items()
        for file in entry.files
    ]
    assert sorted(ours) == sorted(row[:5] for row in rows)
    notes = {row[0]: row[5] for row in rows}
    others = {name for name, entry in catalog().items() if entry.note != notes[name]}
    assert others == {name for name in others if name.startswith("imagenette160_")}  # these files are 224 x 224 pixels


@pytest.mark.mirror
def test_the_photographs_of_ten_classes_are_squeezed_to_224_pixels(real_mirror):
    for name in ("imagenette160_train", "imagenette160_val", "imagenette160_boxes"):
        assert "224 x 224" in catalog()[name].note
        first = catalog()[name].files[0]
        with Image.open(Path(real_mirror) / place_of(first.url)) as picture:
            assert picture.size == (224, 224)


@pytest.mark.mirror
def test_the_catalog_s_files_are_written_from_the_manifest(real_mirror, tmp_path):
    manifest = Path(real_mirror) / "MANIFEST.tsv"
    if not manifest.is_file():
        pytest.skip("this mirror holds no MANIFEST.tsv")
    script, out = ROOT / "tools" / "make_catalog.py", tmp_path / "again.xz"
    subprocess.run([sys.executable, script, manifest, out], check=True, capture_output=True)
    committed = ROOT / "src" / "innerview" / "assets" / "catalog.tsv.xz"
    assert lzma.decompress(out.read_bytes()) == lzma.decompress(committed.read_bytes())
