"""The public names, used as the README does."""

import subprocess
import sys

import pytest
import torch

import innerview as iv


def test_public_names_are_all_there() -> None:
    for name in iv.__all__:
        assert getattr(iv, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = iv.nonsense


def test_readme_calls(embedded: torch.nn.Module) -> None:
    images = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    assert embedded(images).shape == (2, 1000)
    read = iv.activations(embedded, images, ["blocks.10", "blocks.4"])
    assert list(read) == ["blocks.10", "blocks.4"]
    result = iv.visualize(embedded, iv.channel("blocks.4", [3, 4]), size=64, steps=4, seed=0)
    assert result.images.shape == (2, 3, 64, 64)
    assert result.values.shape == (2,)
    assert result.history.shape == (4, 2)
    assert not result.images.requires_grad


def test_importing_the_package_imports_no_torch() -> None:
    code = "import sys, innerview, innerview.cli; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
