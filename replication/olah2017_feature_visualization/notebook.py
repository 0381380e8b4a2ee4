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
# # Feature visualization
#
# **Question.** What does a single unit of a network look for?
#
# Ask the network. Start from noise and change the pixels until they excite the unit as much as possible. Done naively this gives
# noise that only the network understands. In 2017 Olah, Mordvintsev and Schubert showed what turns the noise into pictures that
# people understand, too {cite}`olah2017feature`. This page follows their article, figure by figure, and measures what it claims.
#
# Their network is Google's InceptionV1. Ours is BVLC GoogLeNet, which has nearly the same layers and other weights: channel 97 of
# `inception_4a` (their mixed4a) is another one here. So our units are chosen anew, from a sheet of all channels and from the
# photographs that excite them. `4a:194` stands for channel 194 of `inception_4a`.

# %% tags=["parameters", "remove-cell"]
preset = "book"
out = "results/book"
settings: dict = {}
device = "auto"
seed = 0

# %% tags=["remove-output"]
from innerview.replicate import Run
from replication.olah2017_feature_visualization import figures
from replication.olah2017_feature_visualization.paper import PAPER

run = Run.start(PAPER, preset=preset, out=out, settings=settings, device=device, seed=seed)

# %% [markdown]
# ## Optimization
#
# A network is differentiable: from a unit's activation $a(x)$ follows how each pixel $x_i$ would have to change to raise it. So one
# can climb,
#
# $$x \leftarrow x + \eta \, \frac{\partial a}{\partial x}.$$

# %% mystnb={"figure": {"caption": "One picture as it is made: 4a:194, which answers to the faces of dogs. It starts nearly grey. After a few steps there is a texture, then eyes and noses."}, "image": {"alt": "Four stages from grey noise to a picture of dogs' faces"}}
run.show(figures.growth_figure(run), "growth")

# %% [markdown]
# In code:
#
# ```python
# import innerview as iv
#
# model = iv.load_model("googlenet")
# result = iv.visualize(model, iv.channel("inception_4a", 194), size=224)
# iv.write_image("dogs.png", result.images)
# ```
#
# ## What to optimize
#
# A unit may be one neuron, a whole channel (that neuron at all places), or a layer, which is DeepDream. At the end of the network
# stand the classes: before the softmax as logits, behind it as probabilities.

# %% mystnb={"figure": {"caption": "Five objectives. The neuron draws one eye in the middle, the channel draws eyes everywhere, the layer whatever is there already. The class is golden retriever."}, "image": {"alt": "Five pictures made for a neuron, a channel, a layer, a class logit and a class probability"}}
run.show(figures.objectives_figure(run), "objectives")

# %% [markdown]
# The article found logits to give better pictures than probabilities, and gives a reason: the easiest way to make a class probable is
# often to make all others unlikely. With logits $z$ that can be measured: the log odds of a class have two parts,
#
# $$\log \frac{p_c}{1 - p_c} = z_c - \log \sum_{k \ne c} e^{z_k}.$$

# %% mystnb={"figure": {"caption": "Four classes, by logit above and by probability below, from the same noise."}, "image": {"alt": "Pictures of golden retriever, ladybug, balloon and daisy, by logit and by probability"}}
run.show(figures.classes_figure(run), "classes")

# %% mystnb={"figure": {"caption": "The two parts of each gain of log odds. Negative bars: the other classes rise as well, and take from the gain."}, "image": {"alt": "Bar chart of the two parts of the gain for four classes and two objectives"}}
run.show(figures.gains_figure(run), "gains")

# %% [markdown]
# The pictures bear the article out, the reason does not hold here. The other classes together rise, by either objective; presumably
# what draws a golden retriever draws something of other dogs, too. What ends the ascent of a probability is the softmax. Near 1 it is
# flat, and the gradient dies long before the picture is done. A logit has no such end.
#
# ## Why optimize, where photographs would do?
#
# One can also search a data set for the photographs that excite a unit most. But a photograph holds many things at once.
# Optimization starts from nothing, so what it draws is there because of the unit.

# %% mystnb={"figure": {"caption": "Four units: what optimization draws, and the photographs that excite each most among one of each of ImageNet's thousand classes. From above: domes, wheels, faces of cats with spots, limbs of people."}, "image": {"alt": "Rows of an optimized picture and four photographs each"}}
run.show(figures.examples_figure(run), "examples")

# %% [markdown]
# ## Diversity
#
# One picture shows one side of a unit. Read before its ReLU, a unit has a negative end as well.

# %% mystnb={"figure": {"caption": "From what lowers a unit most to what raises it most. Between the optimized pictures: photographs with negative, slightly negative, slightly positive and positive activation."}, "image": {"alt": "Rows of pictures and photographs from the negative to the positive end of a unit"}}
run.show(figures.signs_figure(run), "signs")

# %% [markdown]
# To see more of the positive end, make several pictures at once and reward what tells them apart. The measure is the Gram matrix
# $G = A A^\top$ of a layer's activations, which says what is active together with what. The article subtracts the mean cosine
# of the pictures' Gram matrices with a weight of 100. Here the weight is a share of the objective itself: with one weight for all
# units, the term either does nothing, or wins by drawing what excites nothing.

# %% mystnb={"figure": {"caption": "Four units without the diversity term, with it, and photographs. 4e:771 answers to dogs and to cars alike; so do the pictures. Such units are called polysemantic."}, "image": {"alt": "For four units, rows of similar pictures, of diverse pictures, and of photographs"}}
run.show(figures.diversity_figure(run), "diversity")

# %% [markdown]
# ## Units together
#
# A network uses units in combinations. The sum of two units draws a picture of both.

# %% mystnb={"figure": {"caption": "A unit for the faces of cats, one for domes, and their sum."}, "image": {"alt": "A picture of cats, one of domes, and one of both"}}
run.show(figures.joint_figure(run), "joint")

# %% [markdown]
# Are single channels special, or is any direction in the space of activations as good? Szegedy et al. thought so
# {cite}`szegedy2014intriguing`. The article found random directions often interpretable, yet less often than channels.

# %% mystnb={"figure": {"caption": "Random directions among the 528 channels of inception_4d. Each picture looks like something; few look like one thing."}, "image": {"alt": "Six pictures made for random directions"}}
run.show(figures.directions_figure(run), "directions")

# %% [markdown]
# That can be measured without asking people. Take the ten photographs that excite a direction most: how many show the same class?

# %% mystnb={"figure": {"caption": "Purity of the ten top photographs, over ten classes with equally many photographs each. Dashed: means. A direction that answers to nothing in particular has about 0.25."}, "image": {"alt": "Histogram of purity for channels and for random directions"}}
run.show(figures.purity_figure(run), "purity")

# %% [markdown]
# The channels win here by a little, and lose over superclasses of the thousand classes, where random directions are the purer ones. So
# the article's ranking hardly shows in this measure. Perhaps a random direction mostly follows the channels with the largest activations,
# and those are not the least meaningful.

# %% mystnb={"figure": {"caption": "The same question for a small network that reads digits, as Szegedy et al. asked it: the test's digits that excite three units, and three random directions, most."}, "image": {"alt": "Rows of handwritten digits for units and for random directions"}}
run.show(figures.digits_figure(run), "digits")

# %% [markdown]
# Between two units one can interpolate. Frames made one by one show different shapes at different places. If all frames share
# their coarse parts, and only the rest is their own, a shape stays where it is and changes.

# %% mystnb={"figure": {"caption": "From 4a:476 to 4a:460 in six frames: each on its own, and with shared low-resolution parts of 1/2, 1/4, 1/8, 1/8, 1/16 and 1/16 of the size."}, "image": {"alt": "Two rows of six frames between two units"}}
run.show(figures.interpolation_figure(run), "interpolation")

# %% [markdown]
# ## The enemy of feature visualization
#
# Nothing so far said why these pictures look like pictures. Leave out what makes them so, and high frequencies win.

# %% mystnb={"figure": {"caption": "The unit 4b:470, which answers to wheels: in plain pixels, in the decorrelated space explained below, under random transforms, and with both."}, "image": {"alt": "Four pictures of one unit, from noise to clear wheels"}}
run.show(figures.enemies_figure(run), "enemies")

# %% mystnb={"figure": {"caption": "The energy of these four pictures over spatial frequencies."}, "image": {"alt": "Line chart of energy against spatial frequency"}}
run.show(figures.enemy_spectrum_figure(run), "enemy-spectrum")

# %% [markdown]
# Part of it comes from the network. A layer with stride skips pixels, so the gradient has more ways to some pixels than to others. It
# carries a grid.

# %% mystnb={"figure": {"caption": "A gradient magnified, and the mean size of gradients by the pixel's place in squares of 8 pixels, from the smallest (black) to the largest (white)."}, "image": {"alt": "A noisy gradient, and a regular pattern of light and dark squares"}}
run.show(figures.grid_figure(run), "grid")

# %% mystnb={"figure": {"caption": "How far the strides' periods stand out of the spectrum. The sign of the gradient changes from place to place, so its own spectrum shows little; the spectrum of its strength shows the grid."}, "image": {"alt": "Bar chart of spectral peaks at periods of 2, 4, 8 and 16 pixels"}}
run.show(figures.grid_spectrum_figure(run), "grid-spectrum")

# %% [markdown]
# The backward pass of a strided convolution is a deconvolution, and generators that draw by deconvolution leave the same
# checkerboards {cite}`odena2016checkerboard`. Enlarging first and convolving then avoids them.

# %% mystnb={"figure": {"caption": "Two decoders with equally many weights, trained here to draw 64 photographs. The deconvolution leaves a checkerboard, before training and after it."}, "image": {"alt": "Rows of small pictures by two decoders, before and after training, and the photographs"}}
run.show(figures.decoders_figure(run), "decoders")

# %% [markdown]
# ## The spectrum of regularization
#
# The article orders the remedies by how strongly they bind the result.
#
# **Frequency penalization** punishes variation: total variation, or the difference from a blurred copy. The latter is an L2 penalty
# in Fourier space with a weight for each frequency (claim `blur-is-scaled-l2`). Such penalties also punish edges that belong there.
#
# **Transformation robustness** shifts, turns and scales the picture at random before the network sees it. What still excites the
# unit is a shape, not a pattern of single pixels. We expected less of high frequencies, too, and do not find it (claim
# `transforms-lower-frequencies`): what transforms change is which fine detail there is. Robust detail stays under a shift.

# %% mystnb={"figure": {"caption": "One unit, 4b:504, at 64 pixels. A row for each regularization; from left to right 1, 32, 128, 256 and 512 steps. The weights of the penalties are larger than the article's, as this network's activations are."}, "image": {"alt": "Table of small pictures by regularization and number of steps"}}
run.show(figures.regularization_figure(run), "regularization")

# %% [markdown]
# **Learned priors** let a generator draw, and optimize its input {cite}`nguyen2016synthesizing`. The stronger the prior, the more photorealistic
# the result, and the less one knows whether the unit or the generator put a thing there. Ours is the small decoder from above. It
# knows 64 photographs.

# %% mystnb={"figure": {"caption": "The four units from above: free, and drawn by the decoder. A weak generator shows the danger best. All it can do is mix its photographs."}, "image": {"alt": "Free pictures of four units above blurred mixtures of photographs"}}
run.show(figures.prior_figure(run), "prior")

# %% [markdown]
# ## Preconditioning and parameterization
#
# The gradient is the direction of steepest ascent, if one measures the length of a step in the usual way, L2. Other ways
# to measure have other steepest directions. Under L∞ every pixel moves by the same amount. In the *decorrelated* metric, steps are measured
# on Fourier coefficients scaled by $1/f$, as they occur in photographs, and on colours without correlation.

# %% mystnb={"figure": {"caption": "Steepest ascent of pixels under four metrics, with the same random transforms. L∞ has most of high frequencies. Blurring the gradient, an old trick, is a metric too."}, "image": {"alt": "Four pictures of wheels, from harsh to smooth"}}
run.show(figures.metrics_figure(run), "metrics")

# %% [markdown]
# The same is had by optimizing Fourier coefficients instead of pixels. It moves no optimum. It changes which of them is nearest.

# %% mystnb={"figure": {"caption": "The same unit, seed, transforms and optimizer in three parameterizations, after more and more steps."}, "image": {"alt": "Three rows of pictures at increasing numbers of steps"}}
run.show(figures.spaces_figure(run), "spaces")

# %% mystnb={"figure": {"caption": "The mean activation of two units over the steps, averaged over eight steps each."}, "image": {"alt": "Line chart of the objective against the number of steps for three parameterizations"}}
run.show(figures.convergence_figure(run), "convergence")

# %% [markdown]
# ## Beyond the article
#
# Other parameterizations came later: a Laplacian pyramid, a small network of the pixel's place (CPPN), images with a transparent
# background {cite}`mordvintsev2018differentiable`, and a spectrum whose magnitudes are fixed, so that only phases change
# (MACO, {cite}`fel2023maco`).

# %% mystnb={"figure": {"caption": "4b:470 in six parameterizations. The CPPN draws smooth shapes. In the transparent picture only what excites the unit is left."}, "image": {"alt": "Six pictures of one unit in different parameterizations"}}
run.show(figures.spaces_gallery_figure(run), "parameterizations")

# %% [markdown]
# Many units at once make a map of a layer. The command `innerview visualize googlenet sprites:inception_4b -o sheet.png` draws all
# of its channels, with an index beside the picture.

# %% tags=["gallery"] mystnb={"figure": {"caption": "The first 49 channels of inception_4b, 64 pixels each."}, "image": {"alt": "A sheet of 49 small pictures: fur, eyes, wheels, spirals, faces"}}
run.show(figures.sprites_figure(run), "sprites")

# %% [markdown]
# The same for one photograph: at every place, the activations are a vector, and a vector can be drawn like a unit {cite}`olah2018building`.

# %% mystnb={"figure": {"caption": "A photograph, and what inception_4d sees at 7 by 7 places of it. The stronger the activations, the larger the icon."}, "image": {"alt": "A photograph of a dog and a cat beside a grid of small pictures of ears, snouts and fur"}}
run.show(figures.activation_grid_figure(run), "activation-grid")

# %% mystnb={"figure": {"caption": "Five groups of neurons that fire together in this photograph, found by non-negative matrix factorization: what each looks for, and where it is."}, "image": {"alt": "Five pictures above five copies of the photograph, each lit at another place"}}
run.show(figures.groups_figure(run), "groups")

# %% [markdown]
# Features are learned. A small network, trained here on ten classes of photographs for a dozen epochs, shows how they come about.

# %% mystnb={"figure": {"caption": "Four channels of the last convolution of the small network, a row each, as it learns; with the share of validation photographs that it gets right. Before training the pictures are shapeless. Then come colours and stripes, then patterns of them."}, "image": {"alt": "Rows of pictures at six ages of a network"}}
run.show(figures.ages_figure(run), "ages")

# %% [markdown]
# ## What was claimed, what we measured
#
# The article shows and argues; it gives no numbers. Each claim below is a statement of it with a threshold of ours, set before
# measuring. One was restated after a first look: `probability-lowers-others` asked for a difference of two shares, which are both negative.

# %%
run.measure()

# %% [markdown]
# ## What can mislead
#
# - **One picture is one view.** A unit that answers to dogs and to cars may show only the dog. Diversity and photographs help.
# - **A picture of a unit explains no decision.** It shows what the unit could be used for, not what it was used for.
# - **A regularizer draws, too.** The smoother the picture, the more of it comes from the prior.
# - **A name is an interpretation.** "Wheels" is our word for 4b:470. The photographs that excite it most show whole cars. Some channels have no word.
#
# ## Where we deviate
#
# - Network and units are others, as said above. Penalties have larger weights, as this network's activations are larger. The diversity
#   term is a share of the objective, and units may wake at any step of these ascents.
# - The article's bilateral penalty is not published in code; ours holds the filtered image constant in the gradient.
# - The `book` preset shows 112 pixels and 192 steps instead of 2560 steps, and fewer photographs. The `paper` preset has the article's numbers, the
#   `released` preset the library's.
