"""The page on learned priors: its generators are those that the study wrote, and its measures are what they say."""

import hashlib

import pytest
import torch

from innerview.models import class_index
from innerview.synthesis import (
    Generator,
    GeneratorArchitecture,
    VariationalAutoencoder,
    load_autoencoder,
    load_generator,
)
from innerview.synthesis.generator_files import generator_path
from innerview.training import Adam, TensorSamples, TrainingRecipe, train
from replication.methods.learned_priors import study
from replication.methods.learned_priors.made import priors, ranks

NAME = "learned_priors"
SMALL = GeneratorArchitecture(code=4, widths=(4, 4, 4, 4, 4))


@pytest.mark.parametrize("name", ["vae", "gan"])
def test_the_networks_are_those_that_the_study_wrote(name):
    told, path = study.numbers()[name], generator_path(name)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == told["sha256"]
    assert path.stat().st_size == told["bytes"] < 8_000_000
    network = load_autoencoder(name) if name == "vae" else load_generator(name)
    assert sum(parameter.numel() for parameter in network.parameters()) == told["parameters"]
    assert told["command"] == f"python -m replication.methods.learned_priors.study --only {name}"
    assert len(told["losses"]) == 100
    if name == "vae":  # that of adversaries need not fall: as one gets better, so does the other
        assert told["losses"][0] > told["losses"][-1]


def test_what_a_training_leaves_is_written_and_told(tmp_path, monkeypatch):
    monkeypatch.setattr(study, "TRAINED", tmp_path)
    images = torch.rand(4, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    recipe = TrainingRecipe(epochs=2, batch=2, optimizer=Adam(1e-3))
    found = train(
        VariationalAutoencoder(SMALL),
        TensorSamples((images,)),
        lambda model, few: (model(few) - few).square().mean(),
        recipe,
        folder=tmp_path / "training",
    )
    told = study.kept("vae", found, recipe)
    loaded = load_generator(tmp_path / "vae.safetensors")
    assert isinstance(found.model, VariationalAutoencoder)
    expected = found.model.generator(loaded.sample(2))
    assert torch.allclose(loaded(loaded.sample(2)), expected, atol=2e-3)
    assert isinstance(loaded, Generator)
    assert told["losses"] == pytest.approx(found.history.tolist())
    assert told["seconds"] == found.seconds


def test_ranks_count_the_classes_that_are_likelier(run):
    images = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    model = run.model(run.config.other)
    with torch.no_grad():
        logits = model(images)
    expected = [
        1 + sum(float(other) > float(row[class_index(model, name)]) for other in row)
        for row, name in zip(logits, ("church", "tench"), strict=True)
    ]
    assert ranks(run, images, ("church", "tench")).tolist() == expected


def test_every_prior_ascends_its_own_way(run):
    found = priors(run.config)
    assert list(found) == ["No prior", "Fourier, transforms", "Autoencoder", "GAN"]
    started = {title: recipe.parameterization.start([0], (64, 64))() for title, recipe in found.items()}
    gan, sample = load_generator("gan"), started["GAN"]
    codes = found["GAN"].parameterization.start([0], (64, 64)).codes
    assert torch.allclose(sample, gan(codes), atol=1e-6)
    assert not torch.allclose(started["Autoencoder"], sample, atol=0.05)
