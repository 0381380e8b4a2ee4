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
# # Texture
#
# **Question.** What is a texture? Which numbers say "pebbles" and leave open where each pebble lies?
#
# Gatys, Ecker and Bethge answered in 2015 {cite}`gatys2015texture`: the correlations between the channels of a network that
# was trained to tell objects. An image with the same correlations looks like the same texture. This page makes such
# images, takes correlations away until they fail, and compares them with what came before.

# %% tags=["parameters", "remove-cell"]
preset = "book"
out = "results/book"
settings: dict = {}
device = "auto"
seed = 0

# %% tags=["remove-output"]
from innerview.replicate import Run
from replication.gatys2015_texture import figures
from replication.gatys2015_texture.paper import PAPER

run = Run.start(PAPER, preset=preset, out=out, settings=settings, device=device, seed=seed)

# %% [markdown]
# ## How it works
#
# A layer $l$ of a network puts out $N_l$ channels at $M_l$ positions, $F^l_{ik}$ for channel $i$ at position $k$. The **Gram
# matrix** correlates all pairs of channels over the positions (Eq. 1):
#
# $$G^l_{ij} = \frac{1}{M_l} \sum_k F^l_{ik} F^l_{jk}$$
#
# The sum forgets $k$: move the pebbles, and $G$ stays. (The paper has no $1 / M_l$ here and divides later; with it, images of
# several sizes compare.) A new image starts as noise and is changed until its Gram matrices $\hat G$ are those of the
# photograph (Eqs. 2 and 3):
#
# $$E_l = \frac{1}{4 N_l^2} \sum_{ij} (\hat G^l_{ij} - G^l_{ij})^2, \qquad
# L = \sum_l w_l E_l$$
#
# What is changed are the pixels; the network stays as it is.

# %% mystnb={"figure": {"caption": "Both images go through the same layers. The photograph's Gram matrices are computed once; the new image's at each step."}, "image": {"alt": "Diagram: photograph and new image each pass through five layers with Gram matrices, which meet in one loss"}}
run.show(figures.method_figure(run), "method")

# %% [markdown]
# Three choices make it work.
#
# - **The network** is VGG-19, with average instead of maximum pooling. Its weights are scaled so that each channel's mean
#   activation over photographs is one: else a few loud channels would decide everything.
# - **The descent** is L-BFGS, which learns the curvature of the loss from its last steps. Pixels are kept in their range.
# - **The start** is noise of one level of 255 around grey. Stronger noise stays visible as grain: average pooling
#   hides it from all layers but the lowest.
#
# ```python
# import innerview as iv
#
# model = iv.load_model("vgg19_normalized")
# pebbles = iv.read_image("pebbles.jpg", size=256)
# made = iv.texture(model, pebbles)
# iv.write_image("more_pebbles.png", made.images)
# ```

# %% tags=["gallery"] mystnb={"figure": {"caption": "A photograph of pebbles, and a texture made of it. Look for stones that are whole and lit from above, in places where the photograph has none. The yellow mark at the lower left belongs to the photograph."}, "image": {"alt": "Photograph of pebbles beside a new image of pebbles in other places"}}
run.show(figures.pebbles_figure(run), "pebbles")

# %% [markdown]
# ## More layers, larger structures
#
# Each column adds a layer. The lowest alone knows colours and edges of a few pixels. Every pooling doubles the reach, and with
# it the size of what is kept: grains, then parts of stones, then stones.

# %% mystnb={"figure": {"caption": "Textures of three photographs (rows), matched at more and more layers (columns). Pebbles become whole at pool4. Starry Night becomes brush strokes, not stars. The temple comes apart into spires and sky: its parts are kept, their arrangement is not."}, "image": {"alt": "Grid of textures: from coloured noise at the left to pebbles, brush strokes and pieces of a temple at the right"}}
run.show(figures.layers_figure(run), "layers")

# %% mystnb={"figure": {"caption": "How far each texture of the pebbles is from the photograph, layer by layer; the axis is logarithmic. A texture agrees where it was matched, and not above."}, "image": {"alt": "Bar chart of relative Gram distances per layer for five textures"}}
run.show(figures.distances_figure(run), "distances")

# %% [markdown]
# ## How many numbers make a texture
#
# All five layers hold 177 thousand correlations, more than the image has pixels. How many are needed? Here only the first
# channels of each layer are matched: 20 make about one thousand numbers, 64 about ten thousand. (The paper chooses its
# channels in another way, which it does not give in full.)

# %% mystnb={"figure": {"caption": "The pebbles from 1, 10, 177 and 852 thousand correlations. A thousand make worms of the right colours; ten thousand make some stones between blurred places; with all channels there are stones. All layers together are no better after as many steps."}, "image": {"alt": "Photograph of pebbles and four textures of it, from few to many parameters"}}
run.show(figures.parameters_figure(run), "parameters")

# %% [markdown]
# ## Not any network will do
#
# With random weights the same layers make a haze of noise and no stone at all, although the loss falls. A network that was trained
# as well, but that looks at the image with strides, leaves lumps and a grid.

# %% mystnb={"figure": {"caption": "The pebbles from VGG-19, from VGG-19 with random weights, and from SqueezeNet, whose first layer moves in steps of two pixels."}, "image": {"alt": "Pebbles from a trained network beside failed textures from random weights and from SqueezeNet"}}
run.show(figures.networks_figure(run), "networks")

# %% [markdown]
# How alike two textures are is judged by eye here. The claims at the end ask a network that took no part: GoogLeNet's Gram
# matrices.
#
# ## The descent
#
# L-BFGS costs as much a step as any other method, because nearly all time goes into the network. It gets further.

# %% mystnb={"figure": {"caption": "The loss of the pebbles over the steps of L-BFGS and of Adam. Both axes are logarithmic."}, "image": {"alt": "Line chart of two falling losses"}}
run.show(figures.descents_figure(run), "descents")

# %% [markdown]
# ## What Gram matrices know of objects
#
# They forget where things are. They do not forget what is there: a linear classifier that sees Gram matrices alone tells ten
# classes of ImageNet from one another, the better the deeper the layer.

# %% mystnb={"figure": {"caption": "A linear classifier of ten classes on the Gram matrices of each layer, and on the same layer's activations with their places. Chance is 10 %."}, "image": {"alt": "Bar chart of accuracies by layer, rising with depth"}}
run.show(figures.probes_figure(run), "probes")

# %% [markdown]
# ## What came before
#
# In 1999 Efros and Leung grew textures pixel by pixel {cite}`efros1999texture`: find the places of the sample whose
# neighbourhood looks most like what is already there, and copy the pixel in the middle of one. Nothing is learned and
# no network is asked. Copying whole patches and averaging where they overlap is quicker {cite}`kwatra2005texture`.

# %% mystnb={"figure": {"caption": "A small sample of the pebbles, and three ways to make more of it. Copied pixels are as sharp as the sample and repeat it word by word; copied patches are smoother; Gram matrices make stones that are nowhere in the sample."}, "image": {"alt": "Small sample of pebbles and three larger textures made from it"}}
run.show(figures.before_figure(run), "before")

# %% [markdown]
# ## What was claimed, what we measured

# %%
run.measure()

# %% [markdown]
# ## What can mislead
#
# - **A small loss is no proof of a good texture.** Whatever the layers do not see may be wrong: with few layers the loss is
#   smallest and the picture worst.
# - **What repeats is not understood.** Regular patterns, such as a brick wall, lose their grid: a Gram matrix knows no
#   distances beyond a channel's own reach.
# - **The judge is a network, too.** GoogLeNet's Gram matrices agree with the eye here. Nobody promised that they always do.
#
# ## Where we deviate
#
# - Above conv3_4 our VGG-19 has weights of 8 bits: they are what can be had of it freely.
# - The mean activations come from 250 photographs, one of each fourth class; the paper does not say how many it took.
# - Where the paper shows CaffeNet we show SqueezeNet, and random weights are normalised on three images.
# - The classifier sees 700 photographs of ten classes, not ImageNet, and roots of the Gram matrices, each of length one.
# - The `book` preset makes the first figure at 256 pixels with 400 evaluations of the loss and all others at 128 pixels
#   with 150. The `paper` preset has 256 pixels and 2000; `released` matches the colours' histograms afterwards, too.
