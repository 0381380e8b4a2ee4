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
# # Patches and receptive fields
#
# **Question.** What in photographs makes a unit fire, and how much of the photograph does it see?
#
# The plainest way to learn what a unit wants is to show it many photographs and to keep the pieces at which it fires most. Girshick et
# al. did so in 2014 for the last pooling of their detection network {cite}`girshick2014rcnn`. Which piece to cut out is the harder
# part: a unit deep in a network could see nearly all of the photograph.

# %% tags=["parameters", "remove-cell"]
preset = "book"
out = "results/book"
settings: dict = {}
device = "auto"
seed = 0

# %% tags=["remove-output"]
from innerview.replicate import Run
from replication.methods.patches import figures
from replication.methods.patches.paper import PAPER

run = Run.start(PAPER, preset=preset, out=out, settings=settings, device=device, seed=seed)

# %% [markdown]
# ## The receptive field
#
# A position of a layer depends on the pixels of its receptive field, and on no others. A layer with kernel $k$ and stride $s$ enlarges the
# side $r$ of the field and the step $j$ from field to field:
#
# $$r \leftarrow r + (k - 1)\, j, \qquad j \leftarrow j \cdot s$$
#
# With branches, paddings and the image's border it is safer to follow each row and each column through all that the network runs.
# `computed_field` does that: it watches every operation, joins the pixels under each window, and joins branches where they meet.
#
# A formula can be wrong, so two measurements stand beside it. `receptive_field` puts NaN into strips of the image: NaN spreads to all that
# depends on it, and to nothing else. `gradient_field` follows the gradient from the position back to the pixels. It is a different
# matter, for a ReLU that is off passes nothing, and a maximum passes all to one place; a few images of noise fill each other's gaps.
#
# ## The effective field
#
# Not every pixel of the field matters alike. Those in the middle reach a unit on many ways, those at the rim on few. Luo et al. showed
# that the influence is spread like a bell {cite}`luo2016effective`. The effective field here is the square that holds four fifths of
# the squared gradient, averaged over photographs.

# %% tags=["gallery"] mystnb={"figure": {"caption": "What the middle positions of six layers see of a photograph of 224 pixels, and where four fifths of the influence come from. From inception_4c on, the receptive field covers all of the image; the effective field does not."}, "image": {"alt": "A rabbit in six panels with two squares each: tiny in the first layer; further up the outer square grows to the whole picture, the inner one to half of its side"}}
run.show(figures.fields_figure(run), "fields")

# %%
figures.fields_table(run)

# %% mystnb={"figure": {"caption": "Sides of the two fields, on a logarithmic scale; dashed, the side of the image."}, "image": {"alt": "Two rising curves that begin together at 7 pixels; the receptive field ends above 700, the effective field a little above 100"}}
run.show(figures.sides_figure(run), "sides")

# %% [markdown]
# In code:
#
# ```python
# import innerview as iv
# from innerview.core.folders import image_paths
# from innerview.dissection import computed_field, effective_field, strongest_patches
#
# googlenet = iv.load_model("googlenet")
# computed_field(googlenet, "inception_4a", 224)   # Box(top=41, left=41, bottom=212, right=212)
# found = strongest_patches(googlenet, image_paths("photos"), "inception_4c", [10, 100], out="survey")
# ```
#
# At the command line, `innerview patches photos --layer inception_4c --channel 10 --channel 100 -o sheet.png`.
#
# ## The patches
#
# Of each photograph the place is taken at which the unit fires most; of all photographs those where it fires most. Cut out is the effective
# field. The units were chosen by their numbers, before anything was seen of them.

# %% mystnb={"figure": {"caption": "The nine strongest patches of twelve units in three layers. In the lowest, spots, corners and edges; in the middle, parts such as faces of dogs; in the upper, one unit that likes handles, one that likes beaks, and two without a name."}, "image": {"alt": "Twelve sheets of nine patches: spots and corners on plain ground; faces, eyes and necks of dogs; handles of mugs, heads of birds, legs, and a mixture of cats and people"}}
run.show(figures.patches_figure(run), "patches")

# %% mystnb={"figure": {"caption": "Four photographs of one unit, with its response above each, what its position sees, and the patch that was cut."}, "image": {"alt": "Four dogs, each with a large square over nearly all of the photograph and a small one, at a paw or a face"}}
run.show(figures.whole_figure(run), "whole")

# %% [markdown]
# Is the patch what excites the unit? Show it alone, all else grey, and then the photograph with the patch made grey.

# %%
figures.alone_table(run)

# %% [markdown]
# ## What was claimed, what we measured
#
# The first number is the paper's. A layer counts for the second claim only if the three ways agree in each of the four sides, to the
# pixel.

# %%
run.measure()

# %% [markdown]
# ## What can mislead
#
# - **Patches show what is common, not what matters.** Nine faces of dogs may be there for the fur, the nose, or the two dark spots. A unit
#   of which the patches seem to share nothing may well want one thing that we do not see.
# - **Nine of some hundred.** They are the extremes of a small set. Girshick et al. searched ten million regions. With more photographs the
#   patches of a unit become more alike, and further from what it does on a usual day: most of its responses are weak.
# - **One patch a photograph.** A photograph with many places that excite the unit counts once.
# - **The field has no sharp border.** Four fifths is our choice. With a larger share the square grows, and at the full share it is the
#   receptive field.
# - **The side is one for all.** The effective field is an average over channels and photographs. A single unit may look at less, or beside
#   the middle.
#
# ## Limits
#
# What is reckoned is what could matter if all weights were other than zero. Operations that move pixels about, such as the attention of a
# transformer, cannot be reckoned; `computed_field` says so, and NaN still measures them. How units that no patch explains can be made
# to show themselves, is the matter of {doc}`/replications/olah2017_feature_visualization`.
