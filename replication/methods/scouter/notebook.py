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
# Here the backbone is GoogLeNet, frozen, and the classes are ten of ImageNet's. Heads are trained on features that are computed once. The
# photographs below were in no training, and were not chosen: they are the middle ones of their classes.

# %% tags=["gallery"] mystnb={"figure": {"caption": "The positive head, weight of the area 10. In each row a photograph, then the maps of its own class, of the other class that a plain head finds likest, and of the one it finds least like. Numbers are mean attention; all maps share one scale."}, "image": {"alt": "Rows of photographs with heatmaps: the map of the own class marks parts of the object and most others are empty; one fisherman is marked as a chain saw"}}
run.show(figures.maps_figure(run, "positive"), "positive")

# %% [markdown]
# ## Why not that class

# %% mystnb={"figure": {"caption": "The negative head on the same photographs and classes, with a scale of its own. Where the class is told rightly, little speaks against it; what speaks against the others is the object."}, "image": {"alt": "The same photographs with heatmaps of the negative head: faint for the own class, brighter for the others"}}
run.show(figures.maps_figure(run, "negative"), "negative")

# %% [markdown]
# The first photograph is a mistake, and both heads say how it came about: the man holds his fish as one holds a chain saw. The positive
# map of the chain saw lies on his hands, and in the negative one nothing speaks against it.
#
# Otherwise the two figures are nearly each other's negative. What makes a photograph one of a cassette player is also what speaks against
# every other class. So the maps of different wrong classes lie at about the same place: the head says "because of this", and seldom what
# is missing.
#
# ## The weight of the area

# %%
figures.numbers_table(run)

# %% [markdown]
# Without the second term of the loss the head is as often right, but its maps say little: slots look at half of everything, inside the
# object's box hardly more than outside. The term makes the maps small and moves them onto the object. It costs no accuracy here.
#
# Small maps mean small sums, so the mass has to grow in return: the head makes up by $m$ what it loses by $A$. A map's brightness can
# therefore be compared between classes and photographs of one head, and not between two heads.

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
# The step from the own class to the next is large, and after it there is almost none: the negative head marks the likest wrong class about
# as much as the least like. It tells right from wrong, and hardly how wrong. The ten classes are far apart, so this is a weak test of it;
# among a hundred classes, as in the paper, some pairs are close.
#
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
# ## What can mislead
#
# - **The map is the score, but of features.** A place of the last layer sees most of the image. Whether the pixels under a bright place
#   matter has to be measured, and by that measure the maps are about as good as Grad-CAM's, not better.
# - **Brightness is half of it.** A place adds $A_{cj} m_j$. A faint look at a heavy place counts as much as a bright look at a light one,
#   and the maps that are shown, here as in the paper, leave the mass out. `Scouter.evidence` gives the product.
# - **Small is what was asked for.** The area term rewards small maps whether or not a small part decides. A small map is a choice of
#   $\lambda$, not a finding about the network.
# - **Too much of it empties the maps.** If the second term outweighs the first at the start, all slots learn to look nowhere and the head
#   cannot tell the classes. With three layers each in $Q$ and $K$ this happened to us at $\lambda = 10$; with $K$ one layer it did not.
# - **An empty negative map is the learned answer, not a proof.** It says that the head found nothing against the class, also where there
#   is something.
#
# ## Where we deviate
#
# - The paper's text was not at hand. The equations are from memory, checked against the released code as a reproduction has it
#   {cite}`burger2022scouter`. The paper's numbers are left out rather than guessed.
# - The backbone is frozen and its features are computed once; the paper trains a ResNeSt-26 along, on up to hundreds of classes.
# - $K$ is one linear layer and the slots are their own $Q$, as by default in the released code. The paper has three layers. The released
#   code also scales all slots' products to a common sum. Where such a sum is near zero this blows them up; heads learned worse with it.
# - Maps have 7 x 7 places; the paper's 9 x 9. Areas are means of the raw attention. The released code first scales all maps of an image
#   together to [0, 1].
