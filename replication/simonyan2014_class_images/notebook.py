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
# # Class images
#
# **Question.** A classifier has never been asked what a flamingo looks like. What does it answer?
#
# Simonyan et al. asked in 2013, in the plainest way there is: begin with a grey image and change its pixels so that the score of the
# class rises {cite}`simonyan2014deep`. What comes out is full of flamingos, and it is no photograph. Yosinski et al. added four
# regularisers after each step, so that it looks more like one {cite}`yosinski2015understanding`. And since a class has more than one
# look, Nguyen et al. and Wei et al. let clusters of photographs say which look is wanted
# {cite}`nguyen2016multifaceted,wei2015intraclass`. This page repeats all four with GoogLeNet and measures what the papers show.
# {doc}`olah2017_feature_visualization` continues the story.

# %% tags=["parameters", "remove-cell"]
preset = "book"
out = "results/book"
settings: dict = {}
device = "auto"
seed = 0

# %% tags=["remove-output"]
from innerview.replicate import Run
from replication.simonyan2014_class_images import figures
from replication.simonyan2014_class_images.paper import PAPER

run = Run.start(PAPER, preset=preset, out=out, settings=settings, device=device, seed=seed)

# %% [markdown]
# ## How it works
#
# Let $S_c(I)$ be the score of class $c$ for an image $I$: the logit, before the softmax. The softmax could be raised by lowering
# the scores of other classes, and that shows nothing of class $c$. Look for
#
# $$\arg\max_I S_c(I) - \lambda \|I\|_2^2$$
#
# where $I$ is counted from the mean that the network subtracts from its images, in levels of 255. Begin with $I = 0$, which is grey,
# and take steps of size $\eta$ along the gradient. The penalty with its weight $\lambda$ keeps pixels from going to extremes.
#
# Yosinski et al. put the penalty, and three more, into an operator $r_\theta$ that is applied after each step:
#
# $$x \leftarrow r_\theta\Big(x + \eta\, \frac{\partial S_c}{\partial x}\Big)$$
#
# - **L2 decay** takes a share of each pixel away.
# - **Blur** smooths the image with a narrow Gaussian. Fine patterns excite the network strongly, but photographs hold few.
# - **Small norms cut**: pixels that are close to grey become grey, so that what matters little is not drawn at all.
# - **Small contributions cut**: pixels whose absence would hardly change the score become grey. To first order the change is
#   $|\sum_c x_c\, g_c|$, with $g$ the gradient and the sum over colours.
#
# In code:
#
# ```python
# import innerview as iv
# from innerview.synthesis.class_images import class_image
# from innerview.synthesis.class_recipes import SIMONYAN, ClassRecipe
#
# googlenet = iv.load_model("googlenet")
# plain = class_image(googlenet, ["goose", "ostrich"], recipe=SIMONYAN).images
# smooth = class_image(googlenet, "flamingo", recipe=ClassRecipe(blur=0.5, blur_every=1)).images
# ```
#
# ## What the classes look like

# %% tags=["gallery"] mystnb={"figure": {"caption": "Classes of the first paper. Above each by plain ascent with the L2 penalty, below with all four regularisers. The object is there several times, in pieces, at any place; a fine pattern covers the rest."}, "image": {"alt": "Greyish pictures filled with dumbbells, dalmatians, peppers, lemons, geese and ostriches, twice each: with a fine pattern all over, and smoother"}}
run.show(figures.class_models_figure(run), "class-models")

# %% [markdown]
# The dumbbell comes with the arm that lifts it, the ostrich with several necks. Nothing asked for one object in one place: the score
# counts what is seen anywhere, so another goose makes it rise again. How sure is the network?

# %%
figures.class_models_table(run)

# %% [markdown]
# It is all but certain of every one. The 300 photographs of churches further below have logits of 13 on average; these images have
# several times as much, with little contrast: pixels deviate from grey by some 20 of 255 levels.
#
# ## What each regulariser does

# %% mystnb={"figure": {"caption": "Flamingos with no regulariser, with each alone, and with all four. Decay lowers the contrast and leaves the pattern; the blur removes it; cutting empties the ground between the birds."}, "image": {"alt": "Six pictures of flamingos: with a harsh pattern, paler, soft, and with grey ground between the birds"}}
run.show(figures.regularizers_figure(run), "regularizers")

# %% mystnb={"figure": {"caption": "The middle of the same images, three times as large."}, "image": {"alt": "Six enlarged details in which single pixels can be seen"}}
run.show(figures.details_figure(run), "details")

# %%
figures.regularizers_table(run)

# %% [markdown]
# Each regulariser costs score. Decay and cutting leave the fine pattern alone, where they do not make it finer. The blur takes it
# away, and more than half of the score with it: so much of the score comes from a pattern that shows nothing to us. The next figure
# tells by spatial frequencies how far these images are from photographs.

# %% mystnb={"figure": {"caption": "How the energy of the images is spread over spatial frequencies; 50 photographs of churches for comparison. Without regulariser, and with decay, it is the same at all frequencies but the lowest, as in noise. Blurred, it falls as in photographs, but coarse shapes, the largest part of any photograph, are still missing."}, "image": {"alt": "Five falling or level curves of energy over spatial frequency on a logarithmic axis"}}
run.show(figures.spectrum_figure(run), "spectrum")

# %% [markdown]
# ## Several looks of one class
#
# A church has an outside and an inside. An ascent from grey shows a mixture of what the network accepts. Nguyen et al. sort
# photographs of the class first: cluster their features of a late layer, take the photographs nearest to each centroid, and begin
# with their mean image. It is a blur, but it has colours and a layout, and the ascent keeps them.

# %% mystnb={"figure": {"caption": "Photographs of churches in four clusters, one a row: the mean of the fifteen nearest to the centroid, and the five nearest. Nobody told the network that the fourth kind is indoors."}, "image": {"alt": "Four rows of small photographs of churches, the last of interiors, each behind a blurred mean image"}}
run.show(figures.clusters_figure(run), "clusters")

# %% [markdown]
# Wei et al. go another way: leave the class's score aside and raise the agreement of the image's features with the centroid. Here
# the objective is $f \cdot c \; \max(0.1, \cos(f, c))$ for features $f$ and a centroid $c$ of length 1.

# %% mystnb={"figure": {"caption": "Four images of the class church in three ways: from the mean images of the clusters; from noise; and from grey towards the centroids."}, "image": {"alt": "Twelve pictures of churches: four with sky and ground in natural colours, four greyish with towers, four towards centroids, the last of which is an interior"}}
run.show(figures.facets_figure(run), "facets")

# %%
figures.facets_table(run)

# %% [markdown]
# Starts from mean images differ most to the eye: a sky above, grass below, the brown of an interior. To the network they differ less
# than that. The ascent raises the score of the class, and what raises it best is a tower with a pointed roof, seen from outside. So it
# puts a little church into the nave of the fourth image, and only two of the four end nearest to their own cluster. The longer the
# ascent, the less is left of the start: after 60 steps, images from mean images were 1.9 times as far from one another as images from
# noise; after 80 steps, 1.3 times.
#
# Centroids bind more strongly. Each image ends at its own, and the fourth has the arches and the lamp of an interior. But nothing
# holds these images in the class: the network calls the fourth an altar and the second a stupa.

# %% [markdown]
# ## What was claimed, what we measured
#
# The papers show images and give no numbers. Each claim below is a sentence of theirs with a threshold of ours.

# %%
run.measure()

# %% [markdown]
# ## What can mislead
#
# - **Certain does not mean right.** The network is surer of these images than of photographs. An image that maximises a score
#   shows what suffices for the score, not what the class is.
# - **Nicer is not more general.** Another network, EfficientNet-Lite0, ranks the classes of the regularised images a little higher than
#   those of the plain ones, but two of six classes lose, and none comes first, however the image was made. Most of what is drawn is
#   GoogLeNet's own.
# - **The mean image is a photograph's.** Colours and layout of a facet come from photographs, not from the network. What the network
#   adds is the detail.
# - **Copies are no crowd.** Six ostriches do not mean that the network knows flocks. Its last layer takes the mean over all places.
# - **The strengths were chosen by looking.** Four regularisers have five numbers, and whoever picks the prettiest image picks what
#   looks familiar. Yosinski et al. chose theirs by random search, by eye; we ours.
#
# ## Where we deviate
#
# - The papers' networks are like AlexNet. GoogLeNet's gradients are smaller: the step sizes published for CaffeNet (Table 1 and the
#   released code, `innerview.synthesis.class_recipes.YOSINSKI`) change pixels by about one level in a hundred steps. Ours are
#   a hundred times as large and more, and the strengths of the regularisers are ours as well.
# - Simonyan et al. give neither $\lambda$ nor the number of steps, nor do they say whether pixels are clipped. We clip each step to the
#   range of images, as the code of Yosinski et al. does. That code begins with noise; the regularisers here begin with grey.
# - Nguyen et al. cluster by t-SNE and k-means on the plane, ten clusters of about 1300 photographs. Here are four clusters of 300
#   photographs on 50 principal axes. A blur stands in for their denoising; their bias to the middle is left out.
# - Wei et al. add a prior made of patches of photographs. Here is none.
# - The `book` preset takes 80 steps, the `paper` preset 1000.
