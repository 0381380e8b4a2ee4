"""Malformed argument lists: hypothesis strategies made from what each parameter of a command says of itself."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from entry_points import Command, Parameter
from hypothesis import strategies as st
from world import ALWAYS, EMBEDDED, LAYER, SLOW, World, sound

Draw = Callable[[st.SearchStrategy], Any]

NASTY = [
    "", " ", "\t", "-", "--", ".", "'", '"', "\\", "%s", "{}", "{0}", "$(id)", "nonsense", "None", "null", "nan",
    "\n", "one\ntwo", "a\r\nb", "\x00", "nul\x00inside", "\x1b[31mred\x1b[0m", "\x1b]0;title\x07", "\x08\x08", "\x7f",
    "\u202eevil", "\u200f", "\u2028", "שלום", "мир", "画像", "🙂", "👩\u200d🔬", "e\u0301", "\ufeff", "\udcff",
    "x" * 300, "x" * 5000, "é" * 200,
]  # fmt: skip
"""Texts that programs stumble over: control and escape sequences, right to left, no Unicode at all, far too long."""

SURELY_BAD = ["nonsense", "\x1b[31mred\x1b[0m", "one\ntwo", "🙂"]
"""Texts that no parameter takes."""

NO_NUMBERS = ["x", "1,5", "0x10", "1e", "--1", "1_", "½", "1 2", "1/0", "true", "[]", "1.2.3", *NASTY]
NO_INTEGERS = ["1.5", "1e3", "nan", "inf", "-inf", *NO_NUMBERS]
ODD_NUMBERS = ["nan", "NaN", "inf", "-inf", "Infinity", "-0", "-0.0", "1e-320", "1e308", "-1e308", "1e400", "5e-324"]
HUGE = ["99999999", "2147483648", "9223372036854775808", "1" + "0" * 30, "1" * 5000]
ODD_LARGE = {
    "size", "seed", "count", "channel", "columns", "top", "units", "neighbors", "sample_size", "limit", "scale",
    "window", "class_count", "class_density", "tile", "batch",
}  # fmt: skip
"""Integers that may be huge without being steps of work that never end."""

SUBJECTS = [
    "channel", "channel:", "channel::", f"channel:{LAYER}", f"channel:{LAYER}:", f"channel:{LAYER}:x",
    f"channel:{LAYER}:-1", f"channel:{LAYER}:999999", f"channel:{LAYER}:{10**30}", f"channel:{LAYER}:1.5",
    f"channel:{LAYER}:0:0", "channel:nowhere:0", f"channel: {LAYER} : 0 ", f"neuron:{LAYER}:0@", f"neuron:{LAYER}:0@1",
    f"neuron:{LAYER}:0@999,999", f"neuron:{LAYER}:0@-1,-1", f"neuron:{LAYER}:0@a,b", "class:", "class:-1",
    "class:1000", f"class:{10**20}", "class:nonsense", "probability:nonsense", "layer:", "layer:nowhere",
    f"direction:{LAYER}:missing.npy", f"direction:{LAYER}:../short.npy", f"direction:{LAYER}:../text.txt",
    f"direction:{LAYER}:..", f"cosine:{LAYER}:../short.npy", f"cosine:{LAYER}:\x00", "diversity:nowhere",
    f"alignment:{LAYER}", "total_variation", "l1 -", "+", "-", "+ +", "- layer", f"layer:{LAYER} +",
    f"layer:{LAYER} + ", f"0*layer:{LAYER}", f"nan*layer:{LAYER}", f"inf*layer:{LAYER}", f"1e999*layer:{LAYER}",
    f"x*layer:{LAYER}", f"*layer:{LAYER}", "2*", "2**3", "()", f"layer:{LAYER};rm", "layer:\x1b[31m", "layer:🙂",
    "grid:", f"grid:{LAYER}", f"grid:{LAYER}:missing.png", f"grid:{LAYER}:..", f"grid:nowhere:{'x' * 300}",
    f"groups:{LAYER}:../text.jpg", f"examples:{LAYER}:x:..", f"examples:{LAYER}:999999:../pictures", "examples:",
    f"examples:{LAYER}:0:../empty", f"examples:{LAYER}:²:../pictures", "sprites:", "sprites:nowhere", "l2:", "blur:3",
]  # fmt: skip

MODELS = [
    "nonsense", "googlenet", "vgg19", "squeezenet1_1", "torchvision/", "torchvision/nonsense", "torchvision/resnet50",
    "torchvision/../resnet50", "/", EMBEDDED.upper(), f"{EMBEDDED}/", f" {EMBEDDED}",
]  # fmt: skip
LAYERS = [
    "nonsense", "blocks", "blocks.", ".blocks.4", "blocks.99", "blocks.4.", "blocks.-1", "blocks..4", "blocks.4,",
    "stem", "classifier", "..", "blocks.4:0", "blocks.4 ", "BLOCKS.4",
]  # fmt: skip
CLASSES = ["nonsense", "-1", "1000", "99999999999999999999", "1.5", "²", "terrier", "tabby cat dog", "none,none", "0,1"]
DEVICES = ["tpu", "cuda", "cuda:", "cuda:x", "cuda:99", "cpu:", "cpu:-1", "cpu:99", "mps", "meta", "xla:0", "CPU"]
EPSILONS = ["x", "1/0", "-1", "-8/255", "0", "nan", "inf", "1e400", "8/255/2", "/", "8/", "½", "1/3/", "1e-400"]
WORDS: dict[str, list[str]] = {
    "model": MODELS, "layer": LAYERS, "layers": [*LAYERS, ",", "blocks.4,nonsense"], "device": DEVICES,
    "subject": SUBJECTS, "objective": SUBJECTS, "to": SUBJECTS, "target": CLASSES, "classes": CLASSES,
    "class_name": CLASSES, "epsilon": EPSILONS,
    "pair": ["/", "a", "a/", "/b", "207/207", "207/nonsense", "nonsense/281", "207/281/3", "207/1000"],
    "concepts": [
        "", ",", "pixels,", "pixels:", "pixels,pixels", "masks", "masks:", "masks:missing", "masks:../empty",
        "masks:\x00", "masks:../pictures", "broden", "broden:", "broden:../empty", "broden:../pictures,pixels",
    ],
    "channels": ["x", ",", "1,x", "-1", "99999", "1,99999999999999999999", "1.5", "²", "1;2"],
    "stages": ["x", "1,x", "-1", "0", "5", "2,1", "1,1", "99999999999999999999", "1.5", "²"],
    "blend": ["x", "0", "-1", "nan", "inf", "1,1", "0,0", "0.5,x", "1e400", ","],
    "styles": ["missing.png", "..", "../text.jpg", "a=", "=1", "a=x", "a=nan", "../photo.png=1", "a=1=2"],
    "generator": ["nonsense", "x.safetensors", "../text.safetensors", "../photo.png", "..", ".safetensors", "GAN"],
    "settings": ["nonsense", "=", "count", "count=", "count=x", "count=-1", "count=1=2", "nope=1", "layers=[", "=1",
                 "count=1e400", "layers=5", "pause=nan"],
    "names": ["nonsense", "bvlc_googlenet", "texture_pebbles", "../texture_pebbles", "*"],
    "papers": ["nonsense", "..", ".", "toy2020/", "toy2020.paper", "/", "TOY2020"],
    "lessons": ["nonsense", "0", "99", "-1", "..", "01", "²"],
    "lesson": ["nonsense", "0", "99", "-1", "..", "²"],
}  # fmt: skip
"""Texts by the name of the parameter: of its own odd syntax."""

INPUTS = ["missing", "missing.png", "..", "../empty", "../text.txt", "../text.jpg", "../nothing.png", "../cut.png",
          "../photo.png/inside", "../short.npy", "/proc/self/mem", "../text.safetensors", "../students"]  # fmt: skip
OUTPUTS = ["..", ".", "../photo.png/out.png", "/proc/out.png", "/proc/sub/out.png", "out", "out.txt", "out.", ".png",
           "out.png/", "out.PNG.", "out.tiff", f"{'x' * 300}.png", f"{'é' * 140}.png", "../text.txt", "\x00.png",
           "../text.txt/inside"]  # fmt: skip
OUTPUT = {"out", "save"}


def malformed(draw: Draw, world: World, command: Command) -> list[str]:
    """Draw an argument list of a command with one to three faults."""
    spoiled = _chosen(draw, command)
    surely = command.name in SLOW
    written: list[list[str]] = []
    for parameter in command.parameters:
        if parameter.name in spoiled:
            bad = "" if parameter.kind is bool else draw(_values(parameter, surely=surely))
            written.append(_written(parameter, bad))
        elif parameter.required or parameter.name in ALWAYS or draw(st.integers(0, 3)) == 0:
            right = "" if parameter.kind is bool else _right(world, command, parameter)
            if right is not None:
                written.append(_written(parameter, right))
    if not spoiled or draw(st.integers(0, 5)) == 0:
        written = _broken_form(draw, written)
    return [*command.words, *(word for words in written for word in words)]


def _chosen(draw: Draw, command: Command) -> dict[str, Parameter]:
    """Choose the parameters that are spoiled; the first is one that takes a value."""
    able = [one for one in command.parameters if one.kind is not bool]
    if not able:
        return {}
    first = draw(st.sampled_from(able))
    others = draw(st.lists(st.sampled_from(command.parameters), max_size=2))
    return {first.name: first} | {one.name: one for one in others if one.name != first.name and draw(st.booleans())}


def _right(world: World, command: Command, parameter: Parameter) -> str | None:
    """Return a right value; None for an option that has no other than its default."""
    try:
        return sound(world, command.name, parameter.name)
    except LookupError:
        if parameter.required:
            raise
        return None


def _written(parameter: Parameter, value: str) -> list[str]:
    if parameter.option is None:
        return [value]
    return [parameter.option] if parameter.kind is bool else [parameter.option, value]


def _values(parameter: Parameter, *, surely: bool) -> st.SearchStrategy[str]:
    """Return bad values of a parameter; where not `surely`, also such as may turn out right."""
    if parameter.kind in (int, float):
        return _numbers(parameter, surely=surely)
    if parameter.name in OUTPUT:
        known, texts = OUTPUTS, NASTY
    elif parameter.kind is Path:
        known, texts = INPUTS, NASTY
    else:
        known, texts = WORDS.get(parameter.name, []), NASTY
    if surely:
        return st.sampled_from(OUTPUTS[:5] if parameter.name in OUTPUT else SURELY_BAD)
    anything = st.text(st.characters(exclude_characters="/"), max_size=12)
    return st.one_of(*([st.sampled_from(known)] * 2 if known else []), st.sampled_from(texts), anything)


def _numbers(parameter: Parameter, *, surely: bool) -> st.SearchStrategy[str]:
    whole = parameter.kind is int
    pools = [st.sampled_from(NO_INTEGERS if whole else NO_NUMBERS)]
    if parameter.low is not None:
        low = parameter.low
        pools.append(st.integers(-(10**6), -1).map(lambda less: f"{low + less:g}"))
    if parameter.high is not None:
        high = parameter.high
        pools.append(st.integers(1, 10**6).map(lambda more: f"{high + more:g}"))
    if not surely and not whole:
        pools += [st.sampled_from(ODD_NUMBERS), st.floats().map(repr)]
    if not surely and whole and parameter.name in ODD_LARGE:
        pools += [st.sampled_from(HUGE), st.integers(-3, 8).map(str)]
    return st.one_of(pools)


def _broken_form(draw: Draw, written: list[list[str]]) -> list[list[str]]:
    """Break the form of the list: something too much, missing, twice, or unknown."""
    some = st.text(max_size=8).filter(lambda text: text != "--help")
    extra = draw(st.lists(some, min_size=1, max_size=3) | st.sampled_from([
        ["--nonsense"], ["--nonsense=1"], ["-x"], ["-\x1b[31m"], ["--\x1b[31m"], ["--\n"], ["too", "much"],
        ["\x1b[31m"], ["--out"], ["-o"], ["--seed"], ["--model"], ["--="], ["-"], ["---"], ["--help=1"], ["🙂"],
        ["--🙂"], ["\x00"],
    ]))  # fmt: skip
    match draw(st.sampled_from(["more", "first", "less", "twice"] if written else ["more"])):
        case "more":
            return [*written, extra]
        case "first":
            return [extra, *written]
        case "less":
            at = draw(st.integers(0, len(written) - 1))
            return [*written[:at], *written[at + 1 :]]
        case _:
            at = draw(st.integers(0, len(written) - 1))
            return [*written, written[at], ["--nonsense"]]
