"""``innerview style``, ``texture`` and ``invert``: pictures that are made by descent, or by one pass of a network."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, get_args

import typer

from innerview.cli.options import LARGEST, Device, Model, Output, Seed, checked_picture, told_once
from innerview.core.errors import BadInput, near

if TYPE_CHECKING:
    from innerview.synthesis import StyleRecipe, Synthesis, TextureRecipe

NORMALIZED: Final = "vgg19_normalized"
METHODS: Final = {"gram": (256, 256), "efros-leung": (64, 128), "patches": (128, 256)}
"""Of texture: the shorter side of the sample, and the side of the picture, where nothing else is asked for."""

OF_DESCENT: Final = (
    "model", "steps", "content_weight", "style_weight", "variation_weight", "content_layers", "style_layers", "start",
    "colors", "scales", "style_scale", "blend", "mask", "seed",
)  # fmt: skip
"""Options of `style` that a trained network has no use for."""

OF_GRAM: Final = ("model", "steps", "layers", "match_histogram")
Steps = Annotated[int, typer.Option(min=1, help="Of the descent.")]


def style(
    context: typer.Context,
    content: Annotated[Path, typer.Argument(help="The picture that gets a style.")],
    styles: Annotated[
        list[str] | None,
        typer.Argument(help="Images, blended if several. With --network: names of its styles, or NAME=WEIGHT."),
    ] = None,
    *,
    out: Output,
    size: Annotated[int, typer.Option(min=8, max=LARGEST, help="Shorter side of the picture in pixels.")] = 256,
    steps: Annotated[int, typer.Option(min=1, help="Of the descent, at each scale.")] = 300,
    blend: Annotated[str, typer.Option(help="Shares of several styles, such as 0.3,0.7; equal by default.")] = "",
    content_weight: Annotated[float, typer.Option(min=0, help="More keeps more of CONTENT.")] = 1.0,
    style_weight: Annotated[float, typer.Option(min=0, help="More takes more of the style.")] = 1.0,
    variation_weight: Annotated[float, typer.Option(min=0, help="More suppresses fine grain.")] = 0.001,
    start: Annotated[str, typer.Option(help="content, noise or style.")] = "content",
    colors: Annotated[
        str, typer.Option(help="style; matched: the content's, given to the style before; content: kept as they are.")
    ] = "style",
    scales: Annotated[int, typer.Option(min=1, help="Sizes one after another, each twice the one before.")] = 1,
    style_scale: Annotated[
        float, typer.Option(min=0.1, max=4, help="Size of the style beside the content's: larger strokes above 1.")
    ] = 1.0,
    mask: Annotated[
        Path | None, typer.Option(help="An image: where it is white, the first style; where black, the second.")
    ] = None,
    network: Annotated[
        Path | None, typer.Option(help="A trained network of styles (.safetensors): one pass, no descent.")
    ] = None,
    model: Model = NORMALIZED,
    content_layers: Annotated[str, typer.Option(help="Names with commas between.")] = "conv4_2",
    style_layers: Annotated[
        str, typer.Option(help="Likewise, of equal weights; the paper's five, weighted as released, by default.")
    ] = "",
    seed: Seed = 0,
    device: Device = "auto",
) -> None:
    """Make the picture CONTENT in the style of others."""
    from innerview.core.images import write_image
    from innerview.synthesis.picture_files import StyleFiles, pass_from_files, style_from_files

    checked_picture(out)
    if network is not None:
        _refuse(context, OF_DESCENT, "--network")
        mixture = _mixture(styles or [])
        made = pass_from_files(network, content, mixture, size=size, device=device)
        told = ", ".join(f"{name} {weight:g}" for name, weight in (mixture or {}).items()) or "its one style"
    else:
        recipe = _style_recipe(
            steps, content_layers, style_layers, content_weight=content_weight, style_weight=style_weight,
            variation_weight=variation_weight, start=start, colors=colors, scales=scales, style_scale=style_scale,
        )  # fmt: skip
        files = StyleFiles(content, tuple(styles or ()), mask, size)
        with told_once():
            found = style_from_files(files, recipe, model, blend=_shares(blend), seed=seed, device=device)
        made, told = found.images, _told(found)
    write_image(out, made)
    print(f"{out}: {told}")


def texture(
    context: typer.Context,
    image: Annotated[Path, typer.Argument(help="The sample.")],
    out: Output,
    method: Annotated[
        str, typer.Option(help="gram: by a network; efros-leung: pixel by pixel; patches: patch by patch.")
    ] = "gram",
    size: Annotated[
        int | None,
        typer.Option(min=8, max=LARGEST, help="Height and width of the picture; 256, or 128 for efros-leung."),
    ] = None,
    sample_size: Annotated[
        int | None,
        typer.Option(min=8, max=LARGEST, help="Shorter side of the sample; 256, 128 for patches, 64 for efros-leung."),
    ] = None,
    steps: Steps = 300,
    model: Model = NORMALIZED,
    layers: Annotated[str, typer.Option(help="Names with commas between; the paper's five by default.")] = "",
    match_histogram: Annotated[
        bool, typer.Option("--match-histogram", help="Bring the colours to the sample's afterwards.")
    ] = False,
    window: Annotated[
        int, typer.Option(min=3, help="Of efros-leung, in pixels, odd: the largest thing that repeats.")
    ] = 11,
    seed: Seed = 0,
    device: Device = "auto",
) -> None:
    """Make a new picture of the texture in IMAGE."""
    from innerview.core.images import write_image
    from innerview.synthesis.picture_files import grown_from_file, joined_from_file, texture_from_file

    checked_picture(out)
    _check_choice("method", method, tuple(METHODS))
    useless = {"gram": ("window",), "efros-leung": (*OF_GRAM, "device"), "patches": (*OF_GRAM, "window")}
    _refuse(context, useless[method], f"--method {method}")
    read, side = sample_size or METHODS[method][0], size or METHODS[method][1]
    told = f"{side}x{side} pixels from {read}, {method}"
    if method == "gram":
        recipe = _texture_recipe(steps, layers, match_histogram=match_histogram)
        with told_once():
            found = texture_from_file(image, side, recipe, model, sample_size=read, seed=seed, device=device)
        made, told = found.images, _told(found)
    elif method == "efros-leung":
        made = grown_from_file(image, side, window=window, sample_size=read, seed=seed)
    else:
        made = joined_from_file(image, side, sample_size=read, seed=seed, device=device)
    write_image(out, made)
    print(f"{out}: {told}")


def invert(
    image: Path,
    layer: Annotated[str, typer.Option(help="Whose activations are kept; `innerview layers MODEL` lists them.")],
    out: Output,
    model: Model = "vgg19",
    size: Annotated[int, typer.Option(min=8, max=LARGEST, help="Shorter side in pixels.")] = 224,
    steps: Steps = 200,
    fidelity: Annotated[
        float, typer.Option(min=0, help="Weight of the activations against what photographs are like.")
    ] = 100.0,
    seed: Seed = 0,
    device: Device = "auto",
) -> None:
    """Find another image that a layer cannot tell from IMAGE."""
    from innerview.core.images import write_image
    from innerview.synthesis import Descent, InversionRecipe
    from innerview.synthesis.picture_files import inverse_from_file

    checked_picture(out)
    recipe = InversionRecipe(fidelity=fidelity, descent=Descent(steps))
    with told_once():
        found = inverse_from_file(image, layer, recipe, model, size=size, seed=seed, device=device)
    write_image(out, found.images)
    print(f"{out}: {_told(found)}")


def _style_recipe(steps: int, content_layers: str, style_layers: str, **settings: Any) -> "StyleRecipe":
    from innerview.synthesis import RELEASED_WEIGHTS, Descent, StyleRecipe
    from innerview.synthesis.style import Colors, Start

    for name, known in {"start": get_args(Start), "colors": get_args(Colors)}.items():
        _check_choice(name, settings[name], known)
    content, own = _names(content_layers), _names(style_layers) or RELEASED_WEIGHTS
    return StyleRecipe(content=content, style=own, descent=Descent(steps), **settings)


def _texture_recipe(steps: int, layers: str, *, match_histogram: bool) -> "TextureRecipe":
    from innerview.synthesis import TEXTURE_LAYERS, Descent, TextureRecipe
    from innerview.synthesis.losses import layer_weights

    weights = layer_weights(_names(layers)) if _names(layers) else TEXTURE_LAYERS
    return TextureRecipe(layers=weights, match_histogram=match_histogram, descent=Descent(steps))


def _check_choice(option: str, name: str, known: Sequence[str]) -> None:
    if name not in known:
        raise BadInput(f"--{option} {name!r} is unknown{near(name, known)}; choose one of {', '.join(known)}")


def _refuse(context: typer.Context, names: Sequence[str], what: str) -> None:
    """Refuse options that would be ignored."""
    for name in names:
        source = context.get_parameter_source(name)
        if source is not None and source.name == "COMMANDLINE":
            raise BadInput(f"{what} takes no --{name.replace('_', '-')}; leave it out")


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _shares(text: str) -> list[float] | None:
    try:
        return [float(share) for share in _names(text)] or None
    except ValueError as error:
        raise BadInput(f"--blend {text!r} are no shares; write such as 0.3,0.7") from error


def _mixture(styles: Sequence[str]) -> dict[str, float] | None:
    """Read names of styles, each with a weight behind an equals sign, or of weight 1."""
    found: dict[str, float] = {}
    for text in styles:
        name, equals, weight = text.partition("=")
        if name in found:
            raise BadInput(f"style {name} is named twice; name each once")
        try:
            found[name] = float(weight) if equals else 1.0
        except ValueError as error:
            raise BadInput(f"{text!r} gives no weight; write such as {name}=0.5") from error
    return found or None


def _told(found: "Synthesis") -> str:
    first, last = float(found.history[0, 0]), float(found.loss[0])
    return f"loss {first:.4g}, after {found.history.shape[1]} steps {last:.4g}"
