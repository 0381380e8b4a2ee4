"""The lists of what is at hand tell the truth."""

import pytest
from serving import files_in, mirrored, published

from innerview.assets import AssetNotFound, cache_state, catalog, fetch, status, verify

SIZES = {"a.bin": 1000, "b.bin": 200, "c.bin": 30}


@pytest.fixture
def asset(server):
    return published(server, SIZES)


def test_status_counts_what_is_cached(asset):
    fetch(asset, keys=["a.bin", "c.bin"])
    (line,) = status([asset])
    assert (line.cached_files, line.cached_bytes, line.in_mirror, line.is_cached) == (2, 1030, None, False)
    fetch(asset)
    assert status([asset])[0].is_cached


def test_status_asks_a_folder_mirror_for_every_file(asset, tmp_path, monkeypatch):
    folder = mirrored(tmp_path / "mirror", asset, "a.bin", "b.bin")
    monkeypatch.setenv("INNERVIEW_MIRROR", str(folder))
    assert status([asset])[0].in_mirror is False
    mirrored(folder, asset, "c.bin")
    assert status([asset])[0].in_mirror is True
    (folder / "127.0.0.1/pub/c.bin").write_bytes(b"cut off")
    assert status([asset])[0].in_mirror is False


def test_status_asks_a_mirror_on_a_server(asset, mirror_server, monkeypatch):
    monkeypatch.setenv("INNERVIEW_MIRROR", mirror_server.url)
    assert status([asset])[0].in_mirror is False
    mirror_server.files["/127.0.0.1/pub/a.bin"] = b""
    assert status([asset])[0].in_mirror is True
    mirror_server.server_close()
    assert status([asset])[0].in_mirror is False


def test_status_lists_the_whole_catalog():
    lines = status()
    assert [line.asset.name for line in lines] == list(catalog())
    assert all(line.cached_files == 0 for line in lines)
    with pytest.raises(AssetNotFound):
        status(["no_such_asset"])


def test_verify_finds_what_was_damaged(asset, capfd):
    paths = fetch(asset, keys=["a.bin", "b.bin"])
    paths["b.bin"].write_bytes(b"x" * 200)
    (line,) = verify([asset], progress=True)
    assert (line.whole, line.missing, line.damaged) == (1, 1, (paths["b.bin"],))
    assert "verify" in capfd.readouterr().err


def test_verify_of_an_empty_cache_is_nothing():
    assert all(line.whole == 0 and not line.damaged for line in verify())


def test_cache_state_is_place_and_size(asset, cache):
    assert (cache_state().files, cache_state().bytes) == (0, 0)
    fetch(asset)
    state = cache_state()
    assert (state.folder, state.files, state.bytes) == (cache, 3, 1230)
    assert len(files_in(cache)) == 3
