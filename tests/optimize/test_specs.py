"""Objectives from text: what may be written, and what is said about the rest."""

import os
import pickle

import numpy as np
import pytest
import torch
from torch import nn

from innerview.core.errors import BadInput
from innerview.optimize import (
    alignment,
    bilateral,
    blur,
    channel,
    class_logit,
    class_probability,
    cosine,
    direction,
    diversity,
    l1,
    l2,
    layer,
    neuron,
    opacity,
    parse_objective,
    total_variation,
)

A, B = channel("mixed4c", 10), class_logit("tabby")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("channel:inception_4c:10", channel("inception_4c", 10)),
        ("channel:blocks.10:3", channel("blocks.10", 3)),
        ("neuron:conv2:7", neuron("conv2", 7)),
        ("neuron:conv2:7@3,4", neuron("conv2", 7, (3, 4))),
        ("neuron: conv2 : 7 @ 3 , 4", neuron("conv2", 7, (3, 4))),
        ("neuron:encoder.3:7@12", neuron("encoder.3", 7, 12)),
        ("neuron:conv2:7,8@3,4", neuron("conv2", [7, 8], (3, 4))),
        ("channel:inception_4c:97,97, 97", channel("inception_4c", [97, 97, 97])),
        ("layer:inception_4c", layer("inception_4c")),
        ("class:281", class_logit("281")),
        ("class:Granny Smith", class_logit("Granny Smith")),
        ("class:four-poster", class_logit("four-poster")),
        ("class:black-and-tan coonhound", class_logit("black-and-tan coonhound")),
        ("class:jack-o'-lantern", class_logit("jack-o'-lantern")),
        ("class:hook, claw", class_logit("hook, claw")),
        ("class:title: part", class_logit("title: part")),
        ("probability:281", class_probability("281")),
        ("probability:Granny Smith - class:tabby", class_probability("Granny Smith") - B),
        ("diversity:mixed4c", diversity("mixed4c")),
        ("alignment:mixed4c", alignment("mixed4c")),
        ("channel:a:1,1 + 1e2*diversity:a", channel("a", [1, 1]) + 100 * diversity("a")),
        ("total_variation", total_variation()),
        ("  l2 ", l2()),
        ("-l1", -l1()),
        ("channel:mixed4c:10 - 0.25*total_variation", A - 0.25 * total_variation()),
        ("channel:mixed4c:10-l1-.5*l2-blur", A - l1() - 0.5 * l2() - blur()),
        ("class:tabby - bilateral - 0.1 * opacity", B - bilateral() - 0.1 * opacity()),
        ("l1 + class:tabby", l1() + B),
        ("class:gas-blur mask", class_logit("gas-blur mask")),
        ("class:four-poster - l2", class_logit("four-poster") - l2()),
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
        (
            "",
            r"'' is not an objective; write channel:LAYER:INDEX, neuron:LAYER:INDEX\[@ROW,COLUMN\], .* opacity, joined",
        ),
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
        ("channel:mixed4c:3,", "is not LAYER:INDEX"),
        ("channel:mixed4c:3@4,5", "is not LAYER:INDEX"),
        ("neuron:mixed4c:ten@3,4", "is not LAYER:INDEX or LAYER:INDEX@ROW,COLUMN, such as"),
        ("neuron:mixed4c:3@", "'' is no position; write @ROW,COLUMN, or @TOKEN"),
        ("neuron:mixed4c:3@a,b", "'a,b' is no position"),
        ("neuron:mixed4c:3@1,2,3", "'1,2,3' is no position"),
        ("neuron:mixed4c:3@1.5,2", "'1.5,2' is no position"),
        ("neuron:mixed4c", "is not LAYER:INDEX"),
        ("layer:", "write layer:LAYER"),
        ("layer:  ", "write layer:LAYER"),
        ("class:", "write class:NAME_OR_INDEX"),
        ("probability:", "write probability:NAME_OR_INDEX"),
        ("diversity:", "write diversity:LAYER"),
        ("alignment: ", "write alignment:LAYER"),
        ("direction:", "'' is not LAYER:FILE.npy, such as inception_4c:direction.npy"),
        ("direction:mixed4c", "'mixed4c' is not LAYER:FILE.npy"),
        ("direction:mixed4c:", "is not LAYER:FILE.npy"),
        ("cosine::vector.npy", "is not LAYER:FILE.npy"),
        ("l2:0.5", "'l2:0.5' is not an objective; near ones: l2"),
        ("blurr", "'blurr' is not an objective; near ones: blur"),
        ("channel:mixed4c:10 - blur - ", "is not LAYER:INDEX"),
        ("half*l2", "'half' in .* is not a number; write such as 0.5"),
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


VECTOR = np.array([0.5, -1.0, 2.0, 0.25])


@pytest.mark.parametrize(
    "name", ["v.npy", "one-two.npy", "a+b.npy", "run-l2.npy", "run-l2-b.npy", "x - y.npy", "v", "a:b.npy", "blur/v.npy"]
)
@pytest.mark.parametrize(("kind", "make"), [("direction", direction), ("cosine", cosine)])
def test_a_direction_comes_from_a_file(tmp_path, kind, make, name):
    file = tmp_path / name
    file.parent.mkdir(exist_ok=True)
    with file.open("wb") as stream:
        np.save(stream, VECTOR)
    wanted = make("mixed4c", VECTOR)
    assert parse_objective(f"{kind}:mixed4c:{file}").name == wanted.name
    both = parse_objective(f"class:tabby - 0.5*{kind}:mixed4c:{file} + channel:mixed4c:10-l2")
    assert both.name == (B - 0.5 * wanted + A - l2()).name


def test_a_file_may_be_named_from_the_current_folder(tmp_path, monkeypatch):
    np.save(tmp_path / "map.npy", np.ones((4, 2, 3), dtype=np.float32))
    monkeypatch.chdir(tmp_path)
    found = parse_objective("direction: mixed4c : map.npy ")
    assert found.name == direction("mixed4c", torch.ones(4, 2, 3)).name


def save(path, content):
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        np.save(path, content, allow_pickle=True)


HEADER = b"\x93NUMPY\x01\x00\x76\x00"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "holds no array as numpy.save writes it; write one of numbers again"),
        (b"hello", "holds no array as numpy.save writes it"),
        (pickle.dumps([1.0]), "holds no array as numpy.save writes it"),
        (np.array([{}, None], dtype=object), "holds no array as numpy.save writes it"),
        (HEADER + b"{" + b" " * 117, "holds no array as numpy.save writes it"),
        (HEADER + b"{'descr': '<f8', 'fortran_order': False, 'shape': (10**99,)}".ljust(118), "holds no array"),
        (
            HEADER + b"{'descr': '<f8', 'fortran_order': False, 'shape': (9999999999999999999999,)}".ljust(118),
            "holds no array",
        ),
        (b"PK\x03\x04no archive", "holds no array as numpy.save writes it"),
        (np.ones((3, 4)), r"has the shape \(3, 4\); a direction is one array, \(c,\) or \(c, h, w\)"),
        (np.float64(3), r"has the shape \(\); a direction is"),
        (np.array(["a"]), "made of real numbers, not <U1"),
        (np.array([1.0, np.nan]), "NaN or infinite"),
        (np.zeros(4), "nothing but zeros"),
    ],
    ids=range(13),
)
def test_a_file_that_is_no_direction_is_refused_in_one_line(tmp_path, content, message):
    save(tmp_path / "v.npy", content)
    with pytest.raises(BadInput, match=message) as caught:
        parse_objective(f"direction:mixed4c:{tmp_path / 'v.npy'}")
    assert "\n" not in str(caught.value)


def test_several_arrays_are_no_direction(tmp_path):
    np.savez(tmp_path / "v.npz", a=VECTOR, b=VECTOR)
    with pytest.raises(BadInput, match=r"v.npz has several arrays; a direction is one array"):
        parse_objective(f"cosine:mixed4c:{tmp_path / 'v.npz'}")


def test_a_pickle_is_never_loaded(tmp_path):
    touched = tmp_path / "touched"

    class Touches:
        def __reduce__(self):
            return os.mkdir, (str(touched),)

    np.save(tmp_path / "v.npy", np.array([Touches()], dtype=object), allow_pickle=True)
    with pytest.raises(BadInput, match="holds no array"):
        parse_objective(f"direction:mixed4c:{tmp_path / 'v.npy'}")
    assert not touched.exists()


def test_a_file_that_cannot_be_read_is_said(tmp_path):
    with pytest.raises(BadInput, match=r"cannot read .*none.npy: No such file or directory; give a .npy file"):
        parse_objective(f"direction:mixed4c:{tmp_path / 'none.npy'}")
    with pytest.raises(BadInput, match=r"cannot read .*: Is a directory"):
        parse_objective(f"direction:mixed4c:{tmp_path}")


def test_a_file_of_another_length_is_said_when_the_layer_is_seen(tmp_path):
    np.save(tmp_path / "v.npy", VECTOR[:3])
    parsed = parse_objective(f"cosine:0:{tmp_path / 'v.npy'}")
    with pytest.raises(BadInput, match=r"cosine\(0, \w+\) has vectors of 3 numbers; this layer's have 4"):
        parsed(nn.Sequential(nn.Conv2d(3, 4, 1)), torch.rand(1, 3, 5, 5))
