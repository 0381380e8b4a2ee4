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
# # Network dissection
#
# **Question.** Which units of a network stand for something that we have a word for, and how well?
#
# Network dissection {cite}`bau2017dissection` compares two sets of masks over a data set: where a unit responds strongly, and where
# the images show a concept. A unit whose masks agree with those of *dog* better than with any other is called a detector of dogs. This
# gives each unit a name with a number behind it, and a layer a score: the number of different concepts that its units detect.

# %% tags=["parameters", "remove-cell"]
preset = "book"
out = "results/book"
settings: dict = {}
device = "auto"
seed = 0

# %% tags=["remove-output"]
from innerview.replicate import Run
from replication.methods.network_dissection import figures
from replication.methods.network_dissection.paper import PAPER

run = Run.start(PAPER, preset=preset, out=out, settings=settings, device=device, seed=seed)

# %% [markdown]
# ## How it works
#
# 1. **Threshold.** Take the activations $a_k$ of unit $k$ at all positions of all images. Choose $T_k$ so that $P(a_k > T_k) = 0.005$:
#    the strongest half percent lies above.
# 2. **Mask.** Enlarge the unit's map bilinearly to the size of the concept masks. $M_k(x)$ is where it is above $T_k$.
# 3. **Agreement.** With $L_c(x)$, the pixels of image $x$ that show concept $c$, and sums over the whole data set:
#
# $$\mathrm{IoU}_{k,c} = \frac{\sum_x |M_k(x) \cap L_c(x)|}{\sum_x |M_k(x) \cup L_c(x)|}$$
#
# Images that nobody annotated for a category do not count for its concepts. A unit detects the concept with the highest IoU, if that is
# above 0.04. One threshold for all images matters: a unit may mark all of one image and nothing in the next.

# %% mystnb={"figure": {"caption": "From a unit to a number: a photograph, the unit's map, the mask above its threshold, the mask of the concept, and what both share. The IoU of the unit is the sum over all photographs."}, "image": {"alt": "Five panels: a photograph, the same under a coarse heatmap, and three times darkened outside a mask"}}
run.show(figures.steps_figure(run), "steps")

# %% [markdown]
# In code:
#
# ```python
# import innerview as iv
# from innerview.core.folders import image_paths
# from innerview.dissection import PixelConcepts, dissect
#
# found = dissect(iv.load_model("googlenet"), image_paths("photos"), "inception_4c", PixelConcepts())
# found.best, found.best_iou, found.unique_detectors()
# ```
#
# or `innerview dissect photos --layer inception_4c -o dissection`, which writes a table and a sheet of the best units. With the
# paper's own data set, Broden, give `--concepts broden:DIR`; with your masks, `--concepts masks:DIR`.
#
# ## The concepts here
#
# Broden has 1,197 concepts in 63,305 images. Here are 228 photographs with what can be had for them:
#
# - **Computed from the pixels**, in all photographs: the eleven basic colour names by borders in the colour space Oklab; eight
#   orientations of lines, by the structure tensor; three bands of spatial frequency, by differences of Gaussians.
# - **Objects**, in 128 photographs of COCO: the outlines of 31 categories that at least five of them show.
# - **Classes**, in 100 photographs of ImageNet, ten of each class: the boxes around the objects.
#
# ## What units detect

# %% tags=["gallery"] mystnb={"figure": {"caption": "The two best units of four layers, each with another concept. Three photographs for each unit, those of its highest responses, darkened where it is below its threshold."}, "image": {"alt": "Four rows of six darkened photographs with lit spots: single colours in the upper rows, animals and things in the lowest"}}
run.show(figures.units_figure(run), "units")

# %% mystnb={"figure": {"caption": "Different concepts that units of each layer detect, by category."}, "image": {"alt": "Bars of four layers in five colours"}}
run.show(figures.layers_figure(run), "layers")

# %%
figures.layers_table(run)

# %% [markdown]
# RESULTS
#
# ## Does the basis matter?
#
# The space that the channels of a layer span is the same in any other basis, and the layer above could read it there just as well. If
# concepts were directions like any other, a random rotation $Q$ of the channels would have as many detectors. $Q^\alpha$ with
# $\alpha$ from 0 to 1 goes there step by step.

# %% mystnb={"figure": {"caption": "Unique detectors of the last layer in bases that are rotated further and further: 0 are the channels, 1 is a random rotation."}, "image": {"alt": "Three falling curves"}}
run.show(figures.rotation_figure(run), "rotation")

# %% mystnb={"figure": {"caption": "IoU of each unit of the last layer with the concept that agrees best, for the channels and for the rotated basis; dashed the means."}, "image": {"alt": "Two histograms; that of the channels has the longer tail"}}
run.show(figures.iou_figure(run), "iou")

# %% [markdown]
# ROTATION
#
# ## What was claimed, what we measured
#
# The paper's numbers are of Broden. Ours come from 228 photographs, so each claim has a threshold of ours, set before it was measured.

# %%
run.measure()

# %% [markdown]
# ## What can mislead
#
# A unit's mask covers half a percent of all pixels. If a concept covers ten percent, the highest possible IoU is 0.05, however good
# the unit is.

# %%
figures.coverage_table(run)

# %% [markdown]
# MISLEAD
#
# ## Where we deviate
#
# - 228 photographs in place of Broden's 63,305, and 63 concepts in place of 1,197. No parts, materials, scenes, textures.
# - The paper anchors the enlarged map at the middles of the receptive fields. We enlarge it as if its positions tiled the image, which
#   they do in GoogLeNet up to a few pixels.
# - The mask is where the map is above $T_k$; the paper writes "at least". With ties the difference matters: a unit that is silent nearly
#   everywhere has the threshold 0.
# - Photographs are squeezed to squares, as ImageNet's ten classes are published.
# - The paper rotates conv5 of AlexNet; we rotate the last layer of GoogLeNet that has positions.
