"""The page on patches: its own measures against slower ones, and the field of a network whose field was published."""

from collections.abc import Callable
from typing import Any

import torch

from innerview.dissection import Box, computed_field, effective_field, gradient_field, receptive_field
from innerview.models import find_layer
from innerview.models.googlenet import GoogLeNet
from innerview.replicate import Paper, Run

NAME = "patches"
SETTINGS = {"size": 128, "large": 192}


def test_all_layers_and_channels_are_there(paper: Paper, embedded: torch.nn.Module) -> None:
    for preset in paper.presets:
        config = paper.config(preset)
        for model, one in ((GoogLeNet(), config), (embedded, paper.embedded(config))):
            assert one.inside in one.layers
            for layer in (*one.layers, *(layer for layer, _ in one.units)):
                find_layer(model, layer)


def test_the_field_of_alexnet_by_hand(run: Run, module: Callable[[str], Any]) -> None:
    side = step = 1
    for kernel, stride, _ in run.config.alexnet:
        side, step = side + (kernel - 1) * step, step * stride
    found = module("measures").alexnet_field(run)
    assert side == found.bottom - found.top == found.right - found.left == 195


def test_fields_come_back_as_they_were_measured(
    run: Run, module: Callable[[str], Any], embedded: torch.nn.Module
) -> None:
    measures, size = module("measures"), run.config.size
    found = measures.fields(run)
    name, one = next(iter(found.items()))
    noise = torch.rand(run.config.noise, 3, size, size, generator=torch.Generator().manual_seed(run.seed))
    assert one.reckoned == computed_field(embedded, name, size)
    assert one.nan == receptive_field(embedded, name, size)
    assert one.gradient == gradient_field(embedded, name, noise)
    assert one.effective == effective_field(
        embedded, name, measures.squares(run, run.config.measured), run.config.share
    )
    whole = computed_field(embedded, name, run.config.large)
    assert one.whole == whole.right - whole.left
    assert all(each.agree for each in found.values())


def test_fields_that_differ_do_not_agree(module: Callable[[str], Any]) -> None:
    box, effective = Box(0, 0, 4, 4), None
    assert module("measures").Fields(4, box, box, box, effective).agree
    assert not module("measures").Fields(4, box, box, Box(0, 0, 4, 3), effective).agree


def test_each_claim_is_measured_but_the_paper_s_number(run: Run, paper: Paper) -> None:
    rows = {claim.id: claim.row(run) for claim in paper.claims}
    unmeasured = {name for name, row in rows.items() if row["measured"] is None}
    assert unmeasured == {"alexnet-pool5", "ten-million-regions"}
    assert 0 <= rows["without-it-little-is-left"]["measured"] < rows["a-patch-alone-excites"]["measured"]
