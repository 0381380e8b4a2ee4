"""Objectives from text: what may be written, and what is said about the rest."""

import pytest
import torch
from torch import nn

from innerview.core.errors import BadInput
from innerview.optimize import channel, class_logit, layer, neuron, parse_objective

A, B = channel("mixed4c", 10), class_logit("tabby")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("channel:inception_4c:10", channel("inception_4c", 10)),
        ("channel:blocks.10:3", channel("blocks.10", 3)),
        ("neuron:conv2:7", neuron("conv2", 7)),
        ("layer:inception_4c", layer("inception_4c")),
        ("class:281", class_logit("281")),
        ("class:Granny Smith", class_logit("Granny Smith")),
        ("class:four-poster", class_logit("four-poster")),
        ("class:black-and-tan coonhound", class_logit("black-and-tan coonhound")),
        ("class:jack-o'-lantern", class_logit("jack-o'-lantern")),
        ("  channel: mixed4c : 10 ", A),
        ("channel:mixed4c:10 + class:tabby", A + B),
        ("channel:mixed4c:10+class:tabby", A + B),
        ("channel:mixed4c:10-class:tabby", A - B),
        ("channel:mixed4c:10 - 0.5*class:tabby", A - 0.5 * B),
        ("channel:mixed4c:10 - 0.5 * class:tabby", A - 0.5 * B),
        ("2*channel:mixed4c:10 + .5*class:tabby", 2 * A + 0.5 * B),
        ("1e-3*class:tabby", 1e-3 * B),
        ("channel:mixed4c:10 - 1e-3*class:tabby", A - 1e-3 * B),
        ("channel:mixed4c:10 + 2.5E+2*class:tabby", A + 250 * B),
        ("-channel:mixed4c:10", -A),
        ("- class:tabby + channel:mixed4c:10", -B + A),
        ("-0.5*class:tabby", -(0.5 * B)),
        ("+channel:mixed4c:10", A),
        ("layer:inception_4e-3*class:tabby", layer("inception_4e") - 3 * B),
        ("class:Granny Smith - class:four-poster", class_logit("Granny Smith") - class_logit("four-poster")),
        ("class:four-poster-class:tabby", class_logit("four-poster") - B),
        ("channel:a:1 + channel:b:2 - channel:c:3", channel("a", 1) + channel("b", 2) - channel("c", 3)),
    ],
)
def test_text_means_the_objective_that_is_written_out(text, wanted):
    parsed = parse_objective(text)
    assert (parsed.name, parsed.layers, parsed.count) == (wanted.name, wanted.layers, wanted.count)


def test_parsed_text_measures_what_it_says():
    model = nn.Sequential(nn.Conv2d(3, 4, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    images = torch.rand(2, 3, 5, 5)
    found = parse_objective("-channel:0:1 + 0.5*layer:0 - 2*class:3 + neuron:0:2")(model, images)
    maps = model[0](images)
    wanted = (
        -maps[:, 1].mean((1, 2)) + maps.square().sum((1, 2, 3)) / 4 - 2 * maps[:, 3].mean((1, 2)) + maps[:, 2, 2, 2]
    )
    torch.testing.assert_close(found, wanted)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "'' is not an objective.*write channel:LAYER:INDEX, neuron:LAYER:INDEX, layer:LAYER, class:NAME_OR_INDEX"),
        ("   ", "is not an objective"),
        ("tabby", "'tabby' is not an objective"),
        ("chanel:mixed4c:10", "is not an objective; near ones: channel"),
        ("channel", "is not an objective"),
        ("channel:", "'' is not LAYER:INDEX, such as inception_4c:10"),
        ("channel:mixed4c", "'mixed4c' is not LAYER:INDEX"),
        ("channel:mixed4c:", "'mixed4c:' is not LAYER:INDEX"),
        ("channel:mixed4c:ten", "'mixed4c:ten' is not LAYER:INDEX"),
        ("channel:mixed4c:1.5", "is not LAYER:INDEX"),
        ("channel:mixed4c:--3", "is not LAYER:INDEX"),
        ("channel:mixed4c:²", "is not LAYER:INDEX"),
        ("channel: :3", "is not LAYER:INDEX"),
        ("neuron:mixed4c", "is not LAYER:INDEX"),
        ("layer:", "write layer:LAYER"),
        ("layer:  ", "write layer:LAYER"),
        ("class:", "write class:NAME_OR_INDEX"),
        ("half*channel:mixed4c:10", "'half' in .* is not a number; write such as 0.5"),
        ("*channel:mixed4c:10", "'' in .* is not a number"),
        ("nan*channel:mixed4c:10", "'nan' in .* is not finite"),
        ("1e999*channel:mixed4c:10", "is not finite"),
        ("1.2.3*channel:mixed4c:10", "'1.2.3' in .* is not a number"),
        ("-", "is not an objective"),
        ("--channel:mixed4c:10", "is not an objective"),
        ("channel:mixed4c:10 +", "is not LAYER:INDEX"),
        ("channel:mixed4c:10 + + class:tabby", "is not LAYER:INDEX"),
        ("channel:mixed4c:10 class:tabby", "is not LAYER:INDEX"),
        ("tabby + channel:mixed4c:10", "'tabby' is not an objective"),
    ],
)
def test_text_of_another_form_is_refused_with_the_mend(text, message):
    with pytest.raises(BadInput, match=message):
        parse_objective(text)
