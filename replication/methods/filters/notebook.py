# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Filters and feature maps
#
# **Question.** What does a network look for in the pixels themselves, and what does it put out for a photograph, layer by layer?
#
# The first layer is the only one whose weights can be looked at. They stand over red, green and blue, so a filter is a small picture.
# Krizhevsky et al. printed theirs in 2012 {cite}`krizhevsky2012imagenet`: stripes of many frequencies and orientations, and coloured
# blots. Nobody had asked for them. Every layer above can be seen only through what it puts out.

# %% tags=["parameters", "remove-cell"]
preset = "book"
out = "results/book"
settings: dict = {}
device = "auto"
seed = 0

# %% tags=["remove-output"]
from innerview.replicate import Run
from replication.methods.filters import figures
from replication.methods.filters.paper import PAPER

run = Run.start(PAPER, preset=preset, out=out, settings=settings, device=device, seed=seed)

# %% [markdown]
# ## How it works
#
# A unit of the first layer multiplies its filter $w$ with the pixels $x$ below it, adds up, and is silent where the sum is negative:
#
# $$y = \max\Big(0,\; b + \sum_{c, i, j} w_{c,i,j}\, x_{c,i,j}\Big)$$
#
# The sum is large where the pixels look like the filter. So the filter, drawn as a picture, shows what the unit waits for. A filter has
# negative weights, too; each is therefore divided by its own largest absolute value, and zero becomes grey.

# %% mystnb={"figure": {"caption": "Three filters, enlarged, and where in the photograph their units fire. One waits for dark above light, one for upright stripes, one for magenta beside green."}, "image": {"alt": "A photograph of a cat, then three pairs: a filter as a coarse picture, and a dark map with bright lines where it fires, along lids, in the fur of the forehead, at the eyes"}}
run.show(figures.responses_figure(run), "responses")

# %% [markdown]
# In code:
#
# ```python
# import innerview as iv
# from innerview.dissection import first_filters, traits
# from innerview.figures import filter_sheet
#
# found = first_filters(iv.load_model("googlenet"))  # of any network
# like = traits(found.weights)                       # colour, hue, frequency, orientation
# picture = filter_sheet(found.weights[like.order("hue")])
# ```
#
# At the command line, `innerview filters googlenet -o filters.png --order hue`, and
# `innerview feature-maps photo.jpg --layer inception_3a --layer inception_4c -o maps.png`.
#
# ## The first layer

# %% tags=["gallery"] mystnb={"figure": {"caption": "All filters of the first layers of three networks. Grey ones come first, by frequency; then the coloured ones, by hue."}, "image": {"alt": "Three sheets of small square pictures: GoogLeNet's with grey stripes and smooth coloured blots, those of the two others of three by three pixels only"}}
run.show(figures.sheets_figure(run), "sheets")

# %% [markdown]
# Two kinds are seen at once in GoogLeNet: grey stripes, and coloured blots with a soft border between two opposite colours. To say it in
# numbers, split a filter into a grey one, the mean of its three colours, and the rest. The two parts are orthogonal, so the share of
# the rest in the squared weights is a share of colour, between 0 and 1. Frequency and orientation are read at the peak of the
# filter's spectrum.

# %%
figures.filters_table(run)

# %% mystnb={"figure": {"caption": "GoogLeNet's filters by the peak of their spectrum; dashed, the means. The coloured ones stay below 0.2 cycles per pixel."}, "image": {"alt": "Bars for two groups over frequency: coloured filters crowd around 0.1, grey ones spread from 0.1 to 0.5"}}
run.show(figures.frequencies_figure(run), "frequencies")

# %% [markdown]
# A filter of three pixels has hardly room for a stripe. The two small networks still have filters of both kinds, but what is a stripe and
# what a blot is decided by a handful of weights; their rows in the table are rough.
#
# ## What layers put out
#
# Above the first layer, a channel is known by its maps. Each map below runs from black, zero, to its own largest value, which the title
# tells.

# %% mystnb={"figure": {"caption": "The strongest channels of four layers for the same photograph, each with its largest value. Upwards, the maps become coarser and the bright places fewer: edges, then eyes, then the whole face."}, "image": {"alt": "Four rows of seven maps on black: fine edges of a cat's face, bright spots at its eyes, coarse patches over face and forehead, and coarse blocks of seven by seven"}}
run.show(figures.maps_figure(run), "maps")

# %% [markdown]
# Some maps have a bright line along one border. Outside the image the layer sees zeros, and a step from the photograph to zeros is
# an edge like any other.
#
# Most of the maps is black. How much of it, over many photographs, and are there channels that never fire?

# %% mystnb={"figure": {"caption": "Share of exact zeros in each layer; the band holds four fifths of the layer's channels."}, "image": {"alt": "A line that zigzags from 0.53 in the first layer up to between 0.6 and 0.9 in the others, with a light band"}}
run.show(figures.sparsity_figure(run), "sparsity")

# %%
figures.sparsity_table(run)

# %% [markdown]
# ## What was claimed, what we measured
#
# Krizhevsky et al. describe their filters and give no numbers, so the thresholds are ours.

# %%
run.measure()

# %% [markdown]
# The last layer is emptier than the first, but the way there is no slope: the share of zeros jumps up and down between neighbouring
# layers by a third. Depth alone does not say how sparse a layer is.
#
# ## What can mislead
#
# - **Each filter has its own scale.** A filter that hardly does anything looks as strong as its neighbour. GoogLeNet has several that are
#   empty but for a corner; their noise is blown up to full contrast. The same holds for maps: compare the numbers, not the brightness.
# - **Smooth filters are no proof.** Noise in filters hints at too short a training or too little weight decay. The reverse does not hold:
#   the first layer of a bad network can look fine.
# - **A filter is not the unit.** The bias, the stride and what the network subtracts from the image decide as well what a unit does with
#   the pixels.
# - **One photograph is an anecdote.** The strongest channels of this cat are not the most important ones of the layer. And a channel that
#   is silent for these photographs may wait for something that is not in them: only ten classes are.
# - **Zeros need a ReLU.** Before it, or in networks that use another function, exact zeros hardly occur, and their share says nothing.
#
# ## Limits
#
# Nothing here reaches the weights above the first layer: they stand over channels, not over colours. What those channels want is the
# question of {doc}`/methods/patches` and of {doc}`/replications/olah2017_feature_visualization`.
