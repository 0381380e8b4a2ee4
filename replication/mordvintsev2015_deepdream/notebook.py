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
# # DeepDream
#
# **Question.** What does a network see in a photograph, and what if it may have more of it?
#
# In June 2015 Mordvintsev, Olah and Tyka let a trained classifier change a photograph of the sky. Dogs, birds and pagodas
# grew out of the clouds. A notebook followed {cite}`mordvintsev2015deepdream`. This page repeats it with the same network,
# the same photograph and the same numbers, and then measures what the post and the notebook only show.

# %% tags=["parameters", "remove-cell"]
preset = "book"
out = "results/book"
settings: dict = {}
device = "auto"
seed = 0

# %% tags=["remove-output"]
from innerview.replicate import Run
from replication.mordvintsev2015_deepdream import figures
from replication.mordvintsev2015_deepdream.paper import PAPER

run = Run.start(PAPER, preset=preset, out=out, settings=settings, device=device, seed=seed)

# %% [markdown]
# ## How it works
#
# Take a layer of the network, with activations $A(x)$ for an image $x$. Ask for more of whatever is active there already:
#
# $$\max_x \; \tfrac{1}{2} \|A(x)\|^2$$
#
# The gradient of this objective with respect to the activations is the activations themselves. So a feature that is a little
# active is strengthened a little, and a strong one a lot. A step moves the image along the gradient $g$, scaled so that the
# mean change of a pixel is $s$, 1.5 of 255 levels:
#
# $$x \leftarrow x + \frac{s}{\mathrm{mean}|g|}\, g$$
#
# Three things keep the result readable.
#
# - **Octaves.** The image is changed at four sizes, from small to large, each 1.4 times the one before. The details found at
#   one size are enlarged and added to the photograph at the next. So a shape can be as large as the image.
# - **Jitter.** Before each step the image is rolled by up to 32 pixels in a random direction, and rolled back afterwards.
# - **Clipping.** Pixels stay in the valid range.
#
# In code that is one call.
#
# ```python
# import innerview as iv
#
# model = iv.load_model("googlenet")
# dream = iv.deepdream(model, iv.read_image("sky.jpg"), iv.layer("inception_4c"))
# ```
#
# ## The dream of the sky

# %% mystnb={"figure": {"caption": "The sky, dreamt at inception_4c: four octaves of ten steps. Look for pagodas, towers and domes, for a face at the bottom, and for a creature in the white cloud at the left."}, "image": {"alt": "A blue sky with clouds in which pagodas, towers and animals have grown"}}
run.show(figures.sky_figure(run), "sky", width=1024)

# %% mystnb={"figure": {"caption": "The places that changed most, at twice their size. Above the photograph, below the dream. What grows follows the outlines that were there."}, "image": {"alt": "Windows of the sky photograph above the same windows of the dream"}}
run.show(figures.details_figure(run), "details")

# %% [markdown]
# The dream adds detail and leaves the large shapes alone. A step changes a pixel by 1.5 levels in the mean, up here and down
# there, so that a large area hardly moves. The claim `low-frequencies-kept` below puts a number to it.
#
# ## Low layers, high layers
#
# Low layers respond to edges and textures everywhere. High layers respond to parts of objects, and only where there is
# something to build on.

# %% mystnb={"figure": {"caption": "The same sky dreamt at six layers, from low to high. Strokes at conv2, spirals and eyes at inception_3a, fur at 3b, faces at 4a, animals and buildings at 4c and above."}, "image": {"alt": "Six dreams of one sky, from brush strokes at a low layer to animals at a high one"}}
run.show(figures.layers_figure(run), "layers")

# %% mystnb={"figure": {"caption": "The dream at inception_4c raises the activations of every layer, most of all those near its own. The axis is logarithmic."}, "image": {"alt": "Bar chart of half the mean squared activation by layer, photograph against dream"}}
run.show(figures.energies_figure(run), "energies")

# %% [markdown]
# ## What octaves do
#
# Without octaves the network sees the photograph at one size only. It then fills it with small things, however many steps
# it takes.

# %% mystnb={"figure": {"caption": "Octaves against none, with 40 steps each. With octaves shapes are larger, and they carry details of their own."}, "image": {"alt": "Dream with four octaves beside a dream with one"}}
run.show(figures.octaves_figure(run), "octaves")

# %% [markdown]
# ## What jitter does
#
# The network subsamples: a neuron of inception_4c sees the image at steps of 16 pixels. Without jitter the same pixels fall
# on the same places of that grid at every step, and the dream can tune itself to them.

# %% mystnb={"figure": {"caption": "Jitter against none. The difference is hard to see; the claims below measure it."}, "image": {"alt": "Dream with jitter beside a dream without"}}
run.show(figures.jitter_figure(run), "jitter")

# %% mystnb={"figure": {"caption": "How the energy of the change is spread over spatial frequencies. Leaving out the octaves moves it to fine detail. Leaving out the jitter hardly moves it."}, "image": {"alt": "Line chart of the energy of the change against spatial frequency for four recipes"}}
run.show(figures.spectrum_figure(run), "spectrum")

# %% [markdown]
# One expects jitter to suppress fine noise. At these settings it does not: the two curves lie on one another. What it buys is
# robustness. The dream made without jitter reaches a higher objective, but loses much of it as soon as it is
# shifted by a few pixels. The dream made with jitter keeps nearly all (claim `jitter-survives-shifts`).
#
# ## A guided dream
#
# A second image can say what to dream of. At each position the objective rewards the best match between the image's features
# and any of the guide's:
#
# $$\max_x \sum_{p} \max_{q} A_p(x) \cdot G_q$$
#
# where $G_q$ is the guide's feature vector at position $q$.

# %% mystnb={"figure": {"caption": "The free dream at inception_3b, the guided dream at the same layer, and the guide. Petals and blossoms replace fur."}, "image": {"alt": "A dream full of fur, a dream full of petals, and a photograph of flowers"}}
run.show(figures.guided_figure(run), "guided")

# %% [markdown]
# ## An endless zoom
#
# Dream, cut 5 % off the margin of the picture, enlarge the rest, dream again. Soon nothing of the photograph is left.

# %% mystnb={"figure": {"caption": "Six frames of the zoom."}, "image": {"alt": "Six frames in which animals and a pagoda grow ever larger"}}
run.show(figures.zoom_figure(run), "zoom")

# %%
run.write_animation(
    figures.zoom_animation(run),
    "zoom",
    alt="An endless zoom into a sky that turns into animals and pagodas",
    seconds_per_frame=0.15,
    width=384,
)

# %% [markdown]
# ## From noise
#
# No photograph is needed. The network finds its shapes in noise as well, given more octaves and steps (ours: the notebook has
# no such dream).

# %% mystnb={"figure": {"caption": "Noise, and what inception_4c makes of it."}, "image": {"alt": "Grey noise beside a picture full of coiled bodies and eyes"}}
run.show(figures.noise_figure(run), "noise")

# %% [markdown]
# ## Which classes gain
#
# The dream was made for a layer in the middle of the network, not for a class. Here is what the classifier at its end makes of
# it, averaged over windows of 224 pixels.

# %% mystnb={"figure": {"caption": "Mean class probabilities of the photograph and of the dream: the eight classes that gain most, the four that lose most."}, "image": {"alt": "Bar chart of class probabilities before and after the dream"}}
run.show(figures.classes_figure(run), "classes")

# %% mystnb={"figure": {"caption": "All 1000 classes, laid out by UMAP so that classes with similar weights in the last layer are neighbours. Animals are the islands, things the mainland. Orange classes gain probability in the dream, violet ones lose it; the larger the point, the more."}, "image": {"alt": "Map of the ImageNet classes with gaining and losing classes marked"}}
run.show(figures.class_map_figure(run), "class-map")

# %% [markdown]
# ## What was claimed, what we measured
#
# Neither the post nor the notebook gives numbers. Each claim below is a sentence of theirs with a threshold of ours.

# %%
run.measure()

# %% [markdown]
# ## What can mislead
#
# - **The layer is not the class.** The post explains the animals by the training set. At full size our dream gains buildings
#   more than animals: what grows depends on what the clouds offer, on the layer and on the size of the image.
# - **A dream is not an explanation.** It strengthens everything a layer responds to, with the strongest features first. It does
#   not say which of them a decision rests on.
# - **One draw.** Jitter is random. Another seed puts the towers elsewhere; `--seed` shows it.
#
# ## Where we deviate
#
# - Our GoogLeNet subtracts the mean (104, 117, 123) of its own release in BGR. The notebook subtracts (104, 116, 122).
# - The notebook clips pixels at the mean-shifted range; we clip at [0, 1], which is the same interval.
# - It enlarges with `scipy.ndimage.zoom` of order 1, we with bilinear interpolation from corner to corner.
# - The `book` preset shows the comparisons at 768 pixels and 40 zoom frames of 384 pixels. The `paper` preset has the
#   notebook's 1024 pixels and 100 frames.
