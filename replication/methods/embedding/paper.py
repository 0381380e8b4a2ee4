"""Configurations and claims of the page on embeddings."""

from dataclasses import replace

from innerview.replicate import Measurement, Paper, Run
from replication.methods.embedding import measures
from replication.methods.embedding.config import Config


def embedded(config: Config) -> Config:
    """The same with EfficientNet-Lite0 and pieces of scikit-image's photographs."""
    layers = ("blocks.0", "blocks.2", "blocks.4", "blocks.10", "blocks.15")
    return replace(config, model="efficientnet_lite0", layer="pool", layers=layers)


SMOKE = Config(
    photographs=60, followed=20, neighbors=4, layers=("pool2_3x3_s2",), queries=1, size=128, shown=32,
    maps=("pca", "tsne"),
)  # fmt: skip
"""Without UMAP, which compiles for seconds."""

PAPER = Paper(
    citation="vandermaaten2008tsne",
    title="Visualizing Data using t-SNE",
    presets={"paper": Config(photographs=3000, followed=3000), "book": Config(), "smoke": SMOKE},
    embedded=embedded,
    needs=lambda config: ["bvlc_googlenet", "imagenette160_train"] if config.model == "googlenet" else [],
)


@PAPER.claim("features-know-classes", source="Krizhevsky et al. 2012, Sec. 6.1", unit="times", at_least=3.0)
def features_know_classes(run: Run) -> Measurement:
    """Photographs whose features are near show the same kind of thing; near pixels do not say so."""
    found = measures.purities(run)
    note = f"purity {found['features']:.3f} by features, {found['pixels']:.3f} by pixels"
    return Measurement(found["features"] / found["pixels"], note)


@PAPER.claim("near-in-features-far-in-pixels", source="Krizhevsky et al. 2012, Sec. 6.1", unit="share", at_least=0.1)
def near_in_features_far_in_pixels(run: Run) -> Measurement:
    """The photograph that is nearest by features is generally not close in pixels."""
    return Measurement(measures.pixel_rank(run), "of all others are nearer in pixels, median")


@PAPER.claim("purity-grows-with-depth", source="ours", unit="purity", at_least=0.3)
def purity_grows_with_depth(run: Run) -> Measurement:
    """Deeper layers know more of the class: purity before the classifier less that of the first layer looked at."""
    first, *_, last = measures.depth(run).values()
    return Measurement(last - first, f"from {first:.3f} to {last:.3f}")


@PAPER.claim(
    "t-sne-keeps-neighbours", source="van der Maaten and Hinton, Sec. 4", unit="trustworthiness", at_least=0.05
)
def t_sne_keeps_neighbours(run: Run) -> Measurement:
    """t-SNE keeps the local structure that a linear map loses: its trustworthiness less that of principal axes."""
    return _over_axes(run, "tsne")


@PAPER.claim("umap-keeps-neighbours", source="McInnes et al. 2018", unit="trustworthiness", at_least=0.05)
def umap_keeps_neighbours(run: Run) -> Measurement | None:
    """So does UMAP: its trustworthiness less that of principal axes."""
    if "umap" not in run.config.maps:
        return None
    return _over_axes(run, "umap")


def _over_axes(run: Run, name: str) -> Measurement:
    found = measures.trust(run)
    return Measurement(found[name] - found["pca"], f"{found[name]:.3f}, principal axes {found['pca']:.3f}")


@PAPER.claim("a-grid-costs-little", source="ours", unit="of the map's purity", at_least=0.8)
def a_grid_costs_little(run: Run) -> Measurement:
    """A map whose photographs are moved to cells of a grid keeps at least four fifths of its purity."""
    found = measures.purities(run)
    note = f"t-SNE {found['tsne']:.3f} on the map, {found['tsne grid']:.3f} in the grid"
    return Measurement(found["tsne grid"] / found["tsne"], note)
