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
# # GAN dissection
#
# **Question.** A generator turns a few random numbers into an image. Nobody told it what grass or sky is. Does it have units for such
# things, and is it these units that bring them about?
#
# Network dissection ({doc}`network_dissection`) asks with what a classifier's units agree. Bau et al. ask the same of a generator
# {cite}`bau2019gan`, and then more than can be asked of a classifier: they switch units off and on and look at the image that comes out.
# Agreement is a correlation. Switching tells of causes.

# %% tags=["parameters", "remove-cell"]
preset = "book"
out = "results/book"
settings: dict = {}
device = "auto"
seed = 0

# %% tags=["remove-output"]
from innerview.replicate import Run
from replication.methods.gan_dissection import figures
from replication.methods.gan_dissection.paper import PAPER

run = Run.start(PAPER, preset=preset, out=out, settings=settings, device=device, seed=seed)

# %% [markdown]
# ## How it works
#
# Let $r_u(z)$ be the map of unit $u$ for a code $z$, and $s_c(x)$ the pixels of the image $x = G(z)$ that show concept $c$. A unit is on
# where its enlarged map $r_u^\uparrow$ is above a threshold $t_u$. Its agreement with a concept is
#
# $$\mathrm{IoU}_{u,c} = \frac{\sum_z |(r_u^\uparrow > t_u) \wedge s_c|}{\sum_z |(r_u^\uparrow > t_u) \vee s_c|}$$
#
# Here $t_u$ leaves a twentieth of all positions above it. The concepts are computed from the pixels: colours, orientations of lines,
# spatial frequencies, as on {doc}`network_dissection`.
#
# To switch units $U$ off, their maps are set to 0 and the rest of the generator goes on as usual. To switch them on, their maps are set
# to a constant $k$ in some places: what they have on average where they are on. The effect on a concept is the difference that this makes
# to its share of the images:
#
# $$\delta_{U \to c} = \mathbb{E}_z\big[s_c(x_\text{on})\big] - \mathbb{E}_z\big[s_c(x_\text{off})\big]$$
#
# In code:
#
# ```python
# from innerview.dissection import PixelConcepts, dissect_generator, generated, switched
# from innerview.synthesis import load_generator
#
# gan = load_generator("gan")
# codes = gan.sample(400)
# found = dissect_generator(gan, codes, "block16", PixelConcepts())
# with switched(gan, "block16", found.ranked("color")[:8]):
#     without = generated(gan, codes)
# ```
#
# The generator is our own small one, of 64 pixels; {doc}`learned_priors` shows its images and tells how it was trained.
#
# ## What units agree with

# %% tags=["gallery"] mystnb={"figure": {"caption": "Units of a middle layer, each with the concept that it agrees with best, in the images in which it is strongest. Where a unit is off, the image is darkened."}, "image": {"alt": "Rows of small blurry generated images that are dark but for some patches; the patches of a row have a colour or pattern in common"}}
run.show(figures.units_figure(run), "units")

# %% [markdown]
# The unit for blue has learned the sky: it is on around every silhouette and off inside. The unit for green is on in lawns, and also on
# bright edges, which are not green. Units for lines agree less well; what they mark are edges of any direction near to their own.

# %%
figures.layers_table(run)

# %% mystnb={"figure": {"caption": "Units of each layer that agree with a concept (IoU above .04), by what kind of concept it is."}, "image": {"alt": "Bars for each layer of the generator in groups of colours, orientations and frequencies"}}
run.show(figures.detectors_figure(run), "detectors")

# %% [markdown]
# ## Switching units off
#
# Three concepts are taken that units agree with well and that images show often. For each, the eight units that agree best are switched
# off together; eight random units tell what switching as such does.

# %% mystnb={"figure": {"caption": "The same images with units switched off. Without the units for blue, skies turn to the colour of sand; without those for green, lawns turn grey. Shapes stay where they are."}, "image": {"alt": "Rows of generated images; from the first row to the others colours and edges are missing or changed"}}
run.show(figures.removal_figure(run), "removal")

# %% mystnb={"figure": {"caption": "What is gone of each concept while more and more units are switched off, those that agree with it best first. Dashed: with eight random units off, the mean over choices and concepts."}, "image": {"alt": "Rising curves of the share that is gone over the number of units that are off, and a dashed line near zero"}}
run.show(figures.curves_figure(run), "curves")

# %% [markdown]
# Two units of 64 suffice to take most of a colour away. Random units leave green and lines alone; blue they even increase, since some of
# them hold it back. Lines are brought about by many units together, so that eight of them take only a part away.
#
# ## Switching units on
#
# Now the same units are switched on in the middle of the images, a quarter of their area, each as strong as it is on average where it
# is on.

# %% mystnb={"figure": {"caption": "The same images with units switched on in the middle: a piece of sky, a piece of lawn, upright stripes. Edges that were there before still show through."}, "image": {"alt": "Rows of generated images whose middle has changed its colour or texture"}}
run.show(figures.insertion_figure(run), "insertion")

# %%
figures.effects_table(run)

# %% [markdown]
# How much do the images suffer? GoogLeNet's features tell how far they are from other images of the whole generator.

# %%
figures.realism_table(run)

# %% [markdown]
# ## What was claimed, what we measured

# %%
run.measure()

# %% [markdown]
# ## What can mislead
#
# - **Agreement is no cause.** A unit may fire where the image is green because other units make it green. Only switching tells.
# - **Switched is not unseen.** With eight units at 0 the later layers get inputs that never occurred in training. Part of what changes
#   is their confusion; the random units show how much.
# - **A threshold is a choice.** With another quantile other units count as on, and all IoUs change. Concepts that cover much of every
#   image reach high IoUs by chance: above the paper's .04 is every unit here, so that count says little. What switching does says more.
# - **Concepts are what was asked for.** A unit without a concept here may be one for doors or trees, of which the pixels alone tell
#   nothing.
#
# ## Where we deviate
#
# - The paper dissects progressive GANs of 256 pixels with a segmentation network's 336 concepts. Here the generator makes 64 pixels
#   and the concepts are computed.
# - The paper chooses a threshold for each unit and concept, and finds sets of units by optimisation. Here one quantile holds for all, and
#   units are taken in the order of their IoU.
# - Effects are given as shares of what there was before.
