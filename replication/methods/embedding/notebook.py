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
# # Embedding: photographs as points
#
# **Question.** Which photographs does a network find alike?
#
# The last layer before the classifier turns a photograph into a thousand numbers, a point in a space of a thousand dimensions. Photographs
# that the network finds alike are near to one another there. Nobody can look into that space, but one can ask for neighbours, and one
# can try to lay the points out on a plane so that neighbours stay neighbours.

# %% tags=["parameters", "remove-cell"]
preset = "book"
out = "results/book"
settings: dict = {}
device = "auto"
seed = 0

# %% tags=["remove-output"]
from innerview.replicate import Run
from replication.methods.embedding import figures
from replication.methods.embedding.paper import PAPER

run = Run.start(PAPER, preset=preset, out=out, settings=settings, device=device, seed=seed)

# %% [markdown]
# ## Neighbours
#
# Let $f(x)$ be the features of photograph $x$. Two photographs are alike if the angle between their features is small:
#
# $$d(x, y) = 1 - \frac{f(x) \cdot f(y)}{\|f(x)\|\, \|f(y)\|}$$
#
# The plain way to compare pictures is pixel by pixel: shrink them to 32 pixels a side and take the Euclidean distance. That is what
# Krizhevsky et al. set against their features in 2012 {cite}`krizhevsky2012imagenet`.

# %% mystnb={"figure": {"caption": "Photographs at the left with the six nearest of all others: by features in the upper row of each pair, by pixels in the lower one. Pixels find what has light and dark in the same places."}, "image": {"alt": "Six rows of seven photographs. A man with a fish is followed by men with fish, and below by a gas pump, a parachute, a church; a man with a chain saw by chain saws, and below by parachutes in a grey sky; a garbage truck by garbage trucks, and below by a golf ball and churches"}}
run.show(figures.neighbors_figure(run), "neighbors")

# %% [markdown]
# **Purity** says the same as a number: the share of a photograph's ten nearest others that show the same class. The network was trained
# on these classes, so this is not a discovery of kinds. It shows where in the network they come about. Below, the features of each
# layer are averaged over its positions.

# %% mystnb={"figure": {"caption": "Purity in the layers from the image up; dashed, that of neighbours drawn at random."}, "image": {"alt": "A line that rises from about 0.2 to about 0.9, steepest in the middle of the network"}}
run.show(figures.depth_figure(run), "depth")

# %%
figures.depth_table(run)

# %% [markdown]
# ## Maps
#
# A map cannot keep all distances of a thousand dimensions. Each method chooses what to give up.
#
# - **Principal axes** keep the two directions in which the points spread most, and drop all others. Distances on the map are never
#   larger than in the space, but far points may fall on one another.
# - **t-SNE** {cite}`vandermaaten2008tsne` turns distances into probabilities of being neighbours, $p_{ij}$ in the space and $q_{ij}$ on
#   the map, and moves the points until the two agree:
#
#   $$C = \sum_{i \ne j} p_{ij} \log \frac{p_{ij}}{q_{ij}}, \qquad
#     q_{ij} = \frac{(1 + \|y_i - y_j\|^2)^{-1}}{\sum_{k \ne l} (1 + \|y_k - y_l\|^2)^{-1}}$$
#
#   The perplexity says about how many neighbours count. To tear neighbours apart costs much, to put strangers close costs little.
# - **UMAP** {cite}`mcinnes2018umap` lays a graph of neighbours out by forces between its edges; what is not joined repels.
#
# In code:
#
# ```python
# import innerview as iv
# from innerview.core.folders import image_paths
# from innerview.embedding import features, grid_assignment, neighbor_purity, trustworthiness, tsne_map
#
# found = features(iv.load_model("googlenet"), image_paths("photos"))  # of the last layer before the classifier
# points = tsne_map(found.vectors, perplexity=30)
# cells = grid_assignment(points)
# trust = trustworthiness(found.vectors, points)
# ```
#
# At the command line, `innerview embed photos -o map --map tsne` leaves the zoomable map, and
# `innerview neighbors one.jpg photos -o near.png` the neighbours.

# %% mystnb={"figure": {"caption": "The same photographs on three maps, each at its place, later ones over earlier ones."}, "image": {"alt": "Three clouds of small photographs: one with three arms, one of about ten islands close together, one of small islands far apart"}}
run.show(figures.maps_figure(run), "maps")

# %% [markdown]
# ## A map that shows every photograph
#
# On such maps photographs hide one another. Karpathy's "CNN codes" page {cite}`karpathy2014codes` moves each into a cell of a grid. Which
# cell, is a linear assignment problem: no two photographs in one cell, and the sum of the squared ways as small as can be,
#
# $$\min_\pi \sum_i \| y_i - c_{\pi(i)} \|^2$$

# %% tags=["gallery"] mystnb={"figure": {"caption": "The map of t-SNE, each photograph in a cell of its own. Classes are regions, and inside a region there is an order, too: churches from outside, then interiors; golf balls on grass, then balls alone."}, "image": {"alt": "A large square of small photographs: churches at the top, trucks and dogs at the left, cassette players and golf balls at the right, parachutes and fish at the bottom"}}
run.show(figures.grid_figure(run), "grid")

# %% [markdown]
# The same to wander in. Zoom with the wheel, choose one of the three maps, choose a class to see where it lies, and point at a cell to see
# its class.

# %%
run.show_page("explorer", lambda folder: figures.explorer(run, folder), title="Zoomable maps of the photographs")

# %% [markdown]
# ## How good is a map?
#
# **Trustworthiness** {cite}`venna2001trustworthiness` looks at the neighbours on the map, $V_k(i)$, and takes something off for each
# that is none in the space, the more the further off it is there. With the rank $r(i, j)$ of photograph $j$ among the neighbours of
# $i$ in the space,
#
# $$T = 1 - \frac{2}{nk(2n - 3k - 1)} \sum_i \sum_{j \in V_k(i)} \max(0,\; r(i, j) - k)$$
#
# It needs no classes. Purity does, and says whether the regions of the map mean something to us.

# %%
figures.maps_table(run)

# %% mystnb={"figure": {"caption": "Purity in the two spaces, on the three maps, and in their grids."}, "image": {"alt": "Bars: chance and pixels are short, features and the maps of t-SNE and UMAP the longest, their grids a little shorter, principal axes between"}}
run.show(figures.purity_figure(run), "purity")

# %% [markdown]
# The grid has a price. Islands that lie apart are pushed together, and along every coast strangers become neighbours. The more photographs
# a class has, the smaller is the share of those on a coast.
#
# ## What was claimed, what we measured

# %%
run.measure()

# %% [markdown]
# ## What can mislead
#
# - **Gaps and sizes mean little.** t-SNE and UMAP look at neighbours only. How large an island is, and how far it is from the next, follows
#   from the settings as much as from the photographs. Change the perplexity before you believe in a cluster.
# - **A map always shows something.** Points drawn at random make islands, too, when the perplexity is small. Trustworthiness tells.
# - **Purity can be higher on the map than in the space.** t-SNE draws groups together and so hides photographs that lie between two. That is
#   tidier, not truer.
# - **The classes are known to the network.** For photographs of other things, or classes that it was not trained on, neighbours are less
#   pure. Here the photographs are of ten classes out of its thousand, and most of them are among those that it was trained on.
# - **Alike for the network.** A neighbour may be near because of the background: men who hold fish, whatever the fish.
#
# ## Where we deviate
#
# - Karpathy laid out 50,000 photographs of all classes; here are 1,000 of ten. `grid_assignment` solves up to 2,000 points exactly and
#   halves larger sets first.
# - t-SNE and UMAP compare features by their cosine, not by Euclidean distance.
# - The `paper` preset takes all 3,000 photographs.
