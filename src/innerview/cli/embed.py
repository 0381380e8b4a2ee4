"""``innerview embed`` and ``innerview neighbors``: a folder's images as a map, and which of them are like another."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from innerview.cli.options import Device, Model, Output, Seed, checked_picture, told_once
from innerview.core.errors import BadInput, near

if TYPE_CHECKING:
    from torch import Tensor, nn

    from innerview.core.store import Store
    from innerview.core.types import Images
    from innerview.embedding import ImageVectors

Folder = Annotated[Path, typer.Argument(help="Folder of images, searched below, too.")]
Layer = Annotated[str | None, typer.Option(help="Whose features stand for an image; the last before the classifier.")]

MAPS: Final = ("tsne", "umap", "pca")
NEIGHBORS: Final = 10
"""Of which purity and trustworthiness are told, or as many as few images allow."""
FEWEST: Final = 5
SHOWN: Final = 64
"""Pixels of a photograph's side on a map."""
WHOLE: Final = 2400


def embed(
    folder: Folder,
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder of all that is written.")],
    kind: Annotated[str, typer.Option("--map", help="tsne, umap or pca.")] = "tsne",
    grid: Annotated[bool, typer.Option("--grid", help="In map.png, each image in a cell of its own.")] = False,
    layer: Layer = None,
    perplexity: Annotated[
        float | None, typer.Option(min=1, help="Of tsne: about how many neighbours count; 30, of few images fewer.")
    ] = None,
    neighbors: Annotated[
        int | None, typer.Option(min=2, help="Of umap: how many neighbours count; 15, of few images fewer.")
    ] = None,
    model: Model = "googlenet",
    seed: Seed = 0,
    device: Device = "auto",
) -> None:
    """Lay the images of FOLDER out so that those which the model finds alike lie close together.

    Leaves explorer/index.html, map.png, features.safetensors and numbers.json. An interrupted call goes on.
    """
    from innerview.core.files import check_writable, write_json
    from innerview.core.folders import image_paths
    from innerview.core.store import Store

    if kind not in MAPS:
        raise BadInput(f"--map {kind!r} is unknown{near(kind, MAPS)}; choose one of {', '.join(MAPS)}")
    paths = image_paths(folder)
    _settings(kind, len(paths), perplexity, neighbors)  # says now what would fail after the work
    for name in ("map.png", "features.safetensors", "numbers.json"):
        check_writable(out / name)
    with told_once():
        found = _vectors(paths, model, layer, Store(out / "parts"), device)
        kept = [paths[place] for place in found.features.kept.tolist()]
        classes = _classes(folder, kept)
        points = _map(kind, found.features.vectors, _settings(kind, len(kept), perplexity, neighbors), seed)
        drawn = _Drawn.of(kept, points, classes)
        drawn.write(out, title=f"{len(kept)} images, {kind} of {model}'s {found.layer}", grid=grid)
        _write_features(out / "features.safetensors", found, points, drawn.cells, kept)
    numbers = {
        "model": model,
        "layer": found.layer,
        "map": kind,
        "images": len(kept),
        "skipped": found.features.skipped,
    }
    numbers |= _numbers(found, points, drawn.cells, classes)
    write_json(out / "numbers.json", numbers)
    for name, value in numbers.items():
        print(f"{name.replace('_', ' ')}: {value:.3f}" if isinstance(value, float) else f"{name}: {value}")
    print(out / "explorer" / "index.html")


def neighbors(
    image: Path,
    folder: Folder,
    out: Output,
    count: Annotated[int, typer.Option(min=1, help="Images that are shown.")] = 6,
    space: Annotated[str, typer.Option(help="features of the model, or pixels.")] = "features",
    layer: Layer = None,
    model: Model = "googlenet",
    device: Device = "auto",
) -> None:
    """Find the images of FOLDER that are most like IMAGE, and draw them behind it."""
    import shutil

    from innerview.core.folders import image_paths
    from innerview.core.images import from_array, read_image, square, write_image
    from innerview.core.store import Store
    from innerview.core.work import Work
    from innerview.embedding import features, nearest_to, pixel_vectors
    from innerview.figures import panels
    from innerview.figures.sheets import rendered

    checked_picture(out)
    if space not in ("features", "pixels"):
        raise BadInput(f"--space {space!r} is unknown; choose features or pixels")
    read_image(image)
    paths = [one for one in image_paths(folder) if one.resolve() != image.resolve()]
    if len(paths) < count:
        raise BadInput(f"{folder} holds {len(paths)} other images; {count} neighbours cannot be shown, lower --count")
    parts = out.with_name(f".{out.name}.parts")
    work = Work(Store(parts), progress=True)
    with told_once():
        if space == "pixels":
            query, found, metric = pixel_vectors([image]), pixel_vectors(paths, work=work), "euclidean"
        else:
            network = _network(model, device)
            query, metric = features(network, [image], layer), "cosine"
            found = features(network, paths, layer, work=work)
    indices, distances = nearest_to(query.vectors, found.vectors, count, metric)
    near_ones = [paths[place] for place in found.kept[indices[0]].tolist()]
    pictures = {"Image": square(read_image(image), 224)}
    for rank, (path, distance) in enumerate(zip(near_ones, distances[0].tolist(), strict=True), start=1):
        pictures[f"{rank}: {distance:.3f}"] = square(read_image(path), 224)
    write_image(out, from_array(rendered(panels(pictures))))
    shutil.rmtree(parts, ignore_errors=True)
    unit = "cosine distance of features" if metric == "cosine" else "Euclidean distance of pixels"
    for path, distance in zip(near_ones, distances[0].tolist(), strict=True):
        print(f"{distance:.4f} {path}")
    print(f"{out}: the {count} nearest of {len(found)} images by {unit}")


@dataclass(frozen=True)
class _Found:
    """Both kinds of vectors of the images that could be read."""

    layer: str
    features: "ImageVectors"
    pixels: "ImageVectors"


def _network(model: str, device: str) -> "nn.Module":
    from innerview.core.devices import choose_device
    from innerview.models import load_model

    return load_model(model).to(choose_device(device))


def _vectors(paths: Sequence[Path], model: str, layer: str | None, store: "Store", device: str) -> _Found:
    from innerview.core.work import Work
    from innerview.embedding import features, last_layer, pixel_vectors

    network, work = _network(model, device), Work(store, progress=True)
    name = layer or last_layer(network)
    return _Found(name, features(network, paths, name, work=work), pixel_vectors(paths, work=work))


def _settings(kind: str, count: int, perplexity: float | None, neighbors: int | None) -> dict[str, Any]:
    """Return how many neighbours a map of so many images looks at."""
    if count < FEWEST:
        raise BadInput(f"a map needs at least {FEWEST} images, not {count}")
    if kind == "tsne":
        most = (count - 2) / 3
        if perplexity is not None and perplexity > most:
            raise BadInput(f"{count} images are too few for --perplexity {perplexity:g}; {most:.1f} is the largest")
        return {"perplexity": min(30.0, most) if perplexity is None else perplexity}
    if kind == "umap":
        if neighbors is not None and neighbors > count:
            raise BadInput(f"{count} images have no {neighbors} neighbours each; lower --neighbors")
        return {"neighbors": min(15, count) if neighbors is None else neighbors}
    return {}


def _map(kind: str, vectors: "Tensor", settings: dict[str, Any], seed: int) -> "Tensor":
    from innerview.embedding import pca_map, tsne_map, umap_map

    if kind == "pca":
        return pca_map(vectors)
    return {"tsne": tsne_map, "umap": umap_map}[kind](vectors, seed=seed, **settings)


def _classes(folder: Path, paths: Sequence[Path]) -> list[str]:
    """Return the class of each image, the first folder below; one class of all where they lie in no folders."""
    parts = [path.relative_to(folder).parts for path in paths]
    return [part[0] for part in parts] if all(len(part) > 1 for part in parts) else [folder.resolve().name] * len(paths)


@dataclass(frozen=True)
class _Drawn:
    """Photographs with their places."""

    images: "Images"
    points: "Tensor"
    cells: "Tensor"
    classes: list[str]

    @classmethod
    def of(cls, paths: Sequence[Path], points: "Tensor", classes: list[str]) -> "_Drawn":
        """Read the photographs in little, and give each a cell."""
        from torch import cat

        from innerview.core.images import read_image, square
        from innerview.embedding import grid_assignment

        images = cat([square(read_image(path), SHOWN) for path in paths])
        return cls(images, points, grid_assignment(points), classes)

    def write(self, out: Path, title: str, *, grid: bool) -> None:
        """Write the explorer and the picture."""
        from innerview.atlas import photograph_sheet
        from innerview.atlas.export import export_explorer
        from innerview.core.images import from_array, to_array, write_image
        from innerview.figures import Mosaic, scattered

        labels = sorted(set(self.classes))
        numbers = [labels.index(one) for one in self.classes]
        sheet = photograph_sheet(self.images, self.points, self.cells, numbers, title="All")
        export_explorer(out / "explorer", [sheet], labels, title=title, keep=1)
        pictures, (rows, columns) = to_array(self.images), self.cells.T.numpy()
        density = int(self.cells.max()) + 1
        whole = Mosaic(pictures, rows, columns, density).array() if grid else scattered(
            pictures, self.points.numpy(), max(WHOLE, density * SHOWN)
        )  # fmt: skip
        write_image(out / "map.png", from_array(whole))


def _write_features(path: Path, found: _Found, points: "Tensor", cells: "Tensor", kept: Sequence[Path]) -> None:
    """Write vectors and places, with the images' paths as metadata."""
    import json

    from safetensors.torch import save

    from innerview.core.files import written_whole

    tensors = {"features": found.features.vectors, "map": points, "cells": cells}
    whole = save(
        {name: tensor.contiguous() for name, tensor in tensors.items()}, {"paths": json.dumps(list(map(str, kept)))}
    )
    with written_whole(path) as temporary:
        temporary.write_bytes(whole)


def _numbers(found: _Found, points: "Tensor", cells: "Tensor", classes: list[str]) -> dict[str, Any]:
    """Return trustworthiness and, where there are classes, purity: in features, in pixels, on the map, in the grid."""
    from innerview.embedding import neighbor_purity, trustworthiness

    vectors, count = found.features.vectors, min(NEIGHBORS, (len(classes) - 1) // 2)
    numbers: dict[str, Any] = {"neighbors": count}
    for name, places in (("map", points), ("grid", cells.float())):
        numbers[f"trustworthiness_{name}"] = trustworthiness(vectors, places, count)
    if len(set(classes)) > 1:
        spaces = {"features": vectors, "pixels": found.pixels.vectors, "map": points, "grid": cells.float()}
        for name, places in spaces.items():
            metric = "cosine" if name == "features" else "euclidean"
            numbers[f"purity_{name}"] = float(neighbor_purity(places, classes, count, metric).mean())
    return numbers
