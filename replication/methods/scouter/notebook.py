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
# # SCOUTER
#
# **Question.** Can a classifier be built so that its explanation is its decision, and so that it can also say why an image is *not* of a
# class?
#
# Grad-CAM and its relatives look at a finished network from outside. SCOUTER changes the last layer instead {cite}`li2021scouter`. Each
# class gets a slot that looks over the image's features; the class's score is the sum of what it looks at. A positive head answers
# "why this class?". A negative head answers "why not that class?".

# %% tags=["parameters", "remove-cell"]
preset = "book"
out = "results/book"
settings: dict = {}
device = "auto"
seed = 0

# %% tags=["remove-output"]
from innerview.replicate import Run
from replication.methods.scouter import figures
from replication.methods.scouter.paper import PAPER

run = Run.start(PAPER, preset=preset, out=out, settings=settings, device=device, seed=seed)

# %% [markdown]
# ## How it works
#
# A convolution of size 1 and a ReLU make features $F'$ of 64 channels from what the backbone puts out. Keys are made from $F'$ and from
# the places in the image. Each class $c$ has a slot, a learned vector $w_c$, and looks where slot and key agree:
#
# $$A_{cj} = \sigma\big(w_c \cdot k_j / \sqrt{64}\big)$$
#
# with $j$ a place and $\sigma$ the logistic function. A recurrent cell then changes the slot by what it found there, and it looks again,
# three times in all. What counts is the last look. The score of class $c$ is
#
# $$S_c = e \sum_j A_{cj}\, m_j, \qquad m_j = \tfrac{1}{64} \sum_d F'_{jd}$$
#
# with $e = 1$ for the positive head and $e = -1$ for the negative head. The mass $m_j$ is the same for all classes. So two classes differ
# by where they look and by nothing else, and the map is not an estimate of what the score depends on: it is the score.
#
# For the negative head every look lowers the score. The best that it can do for the right class is to look nowhere; for each wrong class
# it has to find something that speaks against it.
#
# Nothing so far keeps a slot from looking everywhere. The loss therefore has a second term, the mean of all maps:
#
# $$\ell = \text{cross-entropy} + \lambda\, \overline{A}$$

# %% mystnb={"figure": {"caption": "The head. Only the slots know the classes. Slots that have looked are changed by what they found and look again, three times."}, "image": {"alt": "A diagram: image, backbone, features; keys and slots make attention, attention and mass make the scores"}}
run.show(figures.architecture_figure(run), "architecture")

# %% [markdown]
# In code, on a folder that holds a folder of photographs for each class:
#
# ```
# innerview scouter train photographs -o heads
# innerview scouter explain heads tench.jpg -o why.png
# innerview scouter explain heads tench.jpg --negative --target all -o why_not.png
# ```
#
# ```python
# from innerview.attribution import load_scouter, scouter_attention
#
# model = load_scouter("heads", "negative")
# why_not = scouter_attention(model, images, "church")  # (b, 7, 7), in (0, 1)
# ```
#
# ## Why this class
#
# Here the backbone is GoogLeNet, frozen, and the classes are ten of ImageNet's. Heads are trained on features that are computed once.

# %% tags=["gallery"] mystnb={"figure": {"caption": "The positive head, weight of the area 10. In each row the photograph, then the maps of its own class, of the likest other class and of the least like. Numbers are mean attention. All maps share one scale."}, "image": {"alt": "Rows of photographs with heatmaps: the map of the own class marks parts of the object, the others are empty"}}
run.show(figures.maps_figure(run, "positive"), "positive")

# %% [markdown]
# ## Why not that class

# %% mystnb={"figure": {"caption": "The negative head on the same photographs, with a scale of its own. The map of the own class should be empty."}, "image": {"alt": "The same photographs with heatmaps of the negative head: faint for the own class, brighter for the others"}}
run.show(figures.maps_figure(run, "negative"), "negative")

# %% [markdown]
# ## The weight of the area

# %%
figures.numbers_table(run)

# %% mystnb={"figure": {"caption": "How much of an image the maps mark. The positive head marks its own class most, the negative head the others."}, "image": {"alt": "Bars of mean attention for six heads, own class and other classes, on a logarithmic axis"}}
run.show(figures.areas_figure(run), "areas")

# %% [markdown]
# ## Classes that are alike
#
# The plain head, which has no slots, tells how like each class is to a photograph. If a negative map shows what speaks against a class,
# then little should speak against a class that is almost right.

# %% mystnb={"figure": {"caption": "Mean attention to a class over the rank that the plain head gives it."}, "image": {"alt": "Two curves over ranks 0 to 9: the positive head's falls from its first point, the negative head's rises from it"}}
run.show(figures.likeness_figure(run), "likeness")

# %% [markdown]
# ## Do the pixels matter?
#
# That the score is a sum over the map holds for places of the last layer. A place there sees much of the image. So the usual question
# remains: how does the probability change when pixels are taken away, or brought back, in the map's order {cite}`petsiuk2018rise`?

# %%
figures.curves_table(run)

# %% [markdown]
# ## What was claimed, what we measured

# %%
run.measure()

# %% [markdown]
# TODO
