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
# # Activation atlas
#
# **Question.** Feature visualization shows one channel at a time. But a layer speaks in combinations of hundreds of channels.
# Which combinations occur, and what do they mean to the network?
#
# Carter and colleagues answered in 2019 with a map {cite}`carter2019atlas`. They collected the combinations that a million
# photographs cause in a layer, laid those out that are alike next to one another, and drew for each region of the map what it
# stands for. This page builds such maps from a thousand photographs, checks what the article says of them, and lets you
# wander in them.

# %% tags=["parameters", "remove-cell"]
preset = "book"
out = "results/book"
settings: dict = {}
device = "auto"
seed = 0

# %% tags=["remove-output"]
from innerview.replicate import Run
from replication.carter2019_activation_atlas import figures
from replication.carter2019_activation_atlas.paper import PAPER

run = Run.start(PAPER, preset=preset, out=out, settings=settings, device=device, seed=seed)

# %% [markdown]
# ## How it works
#
# Take a layer and a photograph. At one random position, not at the border, the layer puts out a vector $h$, one number a
# channel: its **activation**. Many photographs give many activations. Three steps turn them into a map.

# %% mystnb={"figure": {"caption": "From photographs to a map. The article takes one activation of each of a million photographs; this page takes four of each of a thousand."}, "image": {"alt": "Diagram: photographs, activations, layout, grid, icons; labels come from attribution"}}
run.show(figures.method_figure(run), "method")

# %% [markdown]
# **Layout.** UMAP {cite}`mcinnes2018umap` places the activations on a plane so that neighbours stay neighbours. Channels that
# always fire together would count many times over. So the activations are **whitened** first: multiplied by $S^{1/2}$ with
#
# $$S = \Big(\frac{1}{N} \sum_i h_i h_i^\top + \lambda I\Big)^{-1}.$$
#
# **Grid.** The plane is cut into cells. A cell with enough activations keeps their mean, $v$.
#
# **Icons.** Feature visualization {cite}`olah2017feature` draws each cell: an image is changed until the layer's activations
# $h$ point along the whitened mean, by maximising
#
# $$\frac{(h \cdot S v)^{n+1}}{(\|h\| \, \|S v\|)^n}.$$
#
# With $n = 0$ this is the dot product, which any strong activation satisfies. The cosine, to a power $n$, asks for the right
# mixture.
#
# **Labels.** What does a cell mean to the network? For an activation $h$ and a class with logit $y_c$, the **attribution**
# $h \cdot \partial y_c / \partial h$ says how much this position adds to the class, to first order. A cell has the mean of its
# members. One pass of forward-mode differentiation gives the attribution to all 1000 classes at once.
#
# In code:
#
# ```python
# import innerview as iv
# from innerview.atlas import Sampling, build_atlas, collect
# from innerview.core.folders import image_paths
#
# model = iv.load_model("googlenet")
# found = collect(model, image_paths("photographs"), "inception_4c", Sampling(positions=4))
# atlas = build_atlas(model, found)
# ```
#
# ## The map

# %% tags=["gallery"] mystnb={"figure": {"caption": "The atlas of inception_4c. Each icon stands for a cell of the map. A name is the class to which the cell adds most; cells without a name have one, too."}, "image": {"alt": "A square map of small synthesised pictures, from buildings to animals to landscapes, some with a class name"}}
run.show(figures.atlas_figure(run), "atlas")

# %% [markdown]
# Wander in it. The mouse (or a tap, or the arrow keys) picks a cell; its classes stand beside. Zoom in for a denser grid.
# Search a class to see where it lives, and a second one to compare.

# %%
run.show_page("explorer", lambda folder: figures.explorer(run, folder), title="Explorer of the activation atlases")

# %% [markdown]
# ## What lies there
#
# A point of the map leads back to the photographs.

# %% mystnb={"figure": {"caption": "Cells of the map, and the five photographs with the activations most like each cell's mean. What unites a row is often a part, such as fur or wheels, and not a class."}, "image": {"alt": "Rows of an icon and five photographs"}}
run.show(figures.query_figure(run), "query")

# %% [markdown]
# ## What the objective does

# %% mystnb={"figure": {"caption": "The same cells, drawn by four objectives. The cosine takes away what any image with strong activations shows; whitening takes away what all cells share."}, "image": {"alt": "Rows of icons, one row for each of four objectives"}}
run.show(figures.objective_figure(run), "objective")

# %% [markdown]
# Icons start from noise, each from its own. If all start from the same noise, neighbours, which look for much the same, come out
# somewhat more alike. The gain is small: the random transforms of the ascent move things about.

# %% mystnb={"figure": {"caption": "Left: each icon starts from noise of its own. Right: all start from the same."}, "image": {"alt": "Two maps of the same cells"}}
run.show(figures.aligned_figure(run), "aligned")

# %% [markdown]
# ## Layer by layer
#
# The article shows maps of several layers: from textures to parts to objects. Icons of the last layer need more pixels and steps
# than 64 and 96 to be clear: one position there sees the whole photograph.

# %% mystnb={"figure": {"caption": "Atlases of three layers, from the middle of the network to its end."}, "image": {"alt": "Maps of several layers side by side"}}
run.show(figures.layers_figure(run), "layers")

# %% mystnb={"figure": {"caption": "How many classes share a cell's attribution. The deeper the layer, the fewer."}, "image": {"alt": "Histograms, one for each layer"}}
run.show(figures.specificity_figure(run), "specificity")

# %% [markdown]
# How far can the labels be trusted? In the last layer an attribution is all but exact: only an average and a linear map follow.
# There the photograph's own class is among the first ten for four of five activations, and a cell's attributions tell well which
# classes lose when its direction is removed. In the middle of the network both fail: attribution is first order, and six blocks of
# ReLUs and pooling follow. So names on the map of inception_4c are hints, and the pictures say more. The article has the same
# caveat without a number.
#
# One class through the layers: of all activations, only those that add most to *head cabbage*.

# %% mystnb={"figure": {"caption": "Head cabbage in three layers. In the last: leaves, cauliflower, broccoli, and what curls or is ribbed alike, snails and a turtle's shell."}, "image": {"alt": "Three small maps of leafy textures"}}
run.show(figures.through_figure(run), "through")

# %% [markdown]
# ## Classes
#
# The map of a class shows what the network looks for when it says its name. Fireboat and streetcar share much: windows, a large
# body. Water and sky tell them apart. A hundred activations of four thousand make each map, where the article has 3000 of
# 400,000; so what adds a little to a class comes along: dogs stand in both.

# %% mystnb={"figure": {"caption": "What adds to fireboat, and what adds to streetcar, in the last convolutional layer."}, "image": {"alt": "Two small maps"}}
run.show(figures.class_figure(run), "classes")

# %% mystnb={"figure": {"caption": "Where three classes of the shore live in the map of inception_5b: a cell stands out as it adds to the class."}, "image": {"alt": "The same map three times, faded but for some cells"}}
run.show(figures.focus_figure(run), "focus")

# %% mystnb={"figure": {"caption": "The six cells that add most to each of them."}, "image": {"alt": "Three rows of six icons"}}
run.show(figures.focus_icons_figure(run), "focus-icons")

# %% [markdown]
# Two classes apart: from left to right the difference of attributions, from top to bottom a layout of one dimension.

# %% mystnb={"figure": {"caption": "Scuba diver on the left, snorkel on the right. What both share stands in the middle."}, "image": {"alt": "A map of icons between two classes"}}
run.show(figures.pair_figure(run), "pair")

# %% [markdown]
# ## Patches
#
# If a map tells what distinguishes two classes, it should tell how to fool the network. The article found something like a
# steam locomotive among the cells that speak for *scuba diver* and against *snorkel* (the air tanks, it says), pasted a
# locomotive on photographs of snorkels, and had scuba divers. It counts a success where the prediction becomes the target.

# %%
figures.attacks_table(run)

# %% [markdown]
# None of the three works on our photographs as the article's do, and the reasons show. The one locomotive at hand is a passenger
# car to this network. A baseball makes the whale a shark at one place only.

# %% mystnb={"figure": {"caption": "The article's patches on the one photograph of each class that is at hand, with what the network sees."}, "image": {"alt": "Rows of a photograph without and with patches of two sizes"}}
run.show(figures.patches_figure(run), "patches")

# %% mystnb={"figure": {"caption": "A baseball grows on a grey whale. From half the width on, the network sees a baseball; below, for a while, a wreck. The shark hardly rises at this place, the lower right."}, "image": {"alt": "Three curves of probability over the width of a patch: the whale falls, the baseball rises"}}
run.show(figures.sizes_figure(run, 1), "sizes")

# %% [markdown]
# One photograph is no rate. Of ten classes there are 400 photographs each. The atlas of these photographs names, for each
# ordered pair, the cell that speaks most for the target and against the source, and the class that this cell is named by. The
# ten strongest pairs are tried, beside patches of noise and of photographs drawn at random.

# %%
figures.pairs_table(run)

# %% [markdown]
# Photographs of the class that a cell is named by do nothing: a church and a fish share nothing that such a patch could add. But
# the *icon* of the cell works, at up to all of the photographs. It was made to excite the layer along the very direction that
# tells the classes apart, so it acts as an adversarial patch; that the atlas finds it is the point.
#
# The article's pairs are neighbours. So a second study takes single photographs of a thousand classes and pushes each to the class
# that the network thinks of second.

# %%
figures.near_table(run)

# %% [markdown]
# The suggested photographs are ahead of random ones and of noise, by less than forty photographs can settle. Noise at its best
# place does nearly as well: part of what a patch does is to hide the object.
#
# ## What can mislead
#
# **The data decide.** A map shows what the photographs made the layer do, and nothing else.

# %% mystnb={"figure": {"caption": "The last convolutional layer, by photographs of a thousand classes and of ten."}, "image": {"alt": "Two maps of the same layer"}}
run.show(figures.data_figure(run), "data")

# %% mystnb={"figure": {"caption": "Where the photographs of ten classes fall in the map of a thousand. A cell stands out as the root of its share."}, "image": {"alt": "The same map twice with different cells faded"}}
run.show(figures.histogram_figure(run), "histogram")

# %% [markdown]
# **The layout is one of many.** Distances between far regions, gaps, and the size of a region say little; UMAP keeps neighbours.
# **A cell is a mean** of activations that may differ. **An icon is one of many** images that excite it. **Attribution is first
# order**: the scorecard says how well it predicts what removing a cell's direction does.
#
# The method needs a network with a layer of positions, and nothing of GoogLeNet. Another network, the same photographs:

# %% mystnb={"figure": {"caption": "GoogLeNet and EfficientNet-Lite0 at about the same depth."}, "image": {"alt": "Two maps, of two networks"}}
run.show(figures.other_figure(run), "other")

# %% [markdown]
# ## What was measured

# %%
run.measure()
