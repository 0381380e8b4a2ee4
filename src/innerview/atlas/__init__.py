"""Activation atlases: what a layer sees in many images, laid out as one map {cite}`carter2019atlas`."""

from innerview.atlas.atlas import Atlas, Level
from innerview.atlas.attributions import Attributions
from innerview.atlas.build import AtlasRecipe, build_atlas
from innerview.atlas.collect import collect
from innerview.atlas.collection import Collection, Sampling
from innerview.atlas.grid import Grid, grid
from innerview.atlas.icons import IconRecipe, cell_icons
from innerview.atlas.photographs import photograph_sheet
from innerview.atlas.reduce import Reduction, Whitening, reduce, whitening
from innerview.atlas.sources import DataSet, ImageFiles
from innerview.atlas.views import TwoClasses, focus, histogram, of_class, of_classes, place, two_classes, typical

__all__ = [
    "Atlas",
    "AtlasRecipe",
    "Attributions",
    "Collection",
    "DataSet",
    "Grid",
    "IconRecipe",
    "ImageFiles",
    "Level",
    "Reduction",
    "Sampling",
    "TwoClasses",
    "Whitening",
    "build_atlas",
    "cell_icons",
    "collect",
    "focus",
    "grid",
    "histogram",
    "of_class",
    "of_classes",
    "photograph_sheet",
    "place",
    "reduce",
    "two_classes",
    "typical",
    "whitening",
]
