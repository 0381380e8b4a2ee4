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
# # Learned priors
#
# **Question.** An image that excites a class most looks like no photograph. What if only images may be drawn that a generator can make,
# or that are put together from pieces of photographs?
#
# {doc}`/replications/olah2017_feature_visualization` keeps noise out with a parameterization and with
# random transforms: priors that say little about the world. Nguyen et al. let a generator draw {cite}`nguyen2016synthesizing`; the
# network only says what. Then they made a sampler of it, Plug and Play {cite}`nguyen2017plug`. Wei et al. pull each patch of the image
# towards the nearest one of a database {cite}`wei2015intraclass`. What such images show comes from two sources at once, and this page
# asks from which.

# %% tags=["parameters", "remove-cell"]
preset = "book"
out = "results/book"
settings: dict = {}
device = "auto"
seed = 0

# %% tags=["remove-output"]
from innerview.replicate import Run
from replication.methods.learned_priors import figures
from replication.methods.learned_priors.paper import PAPER

run = Run.start(PAPER, preset=preset, out=out, settings=settings, device=device, seed=seed)

# %% [markdown]
# ## The generators
#
# Two small generators of 64 pixels come with Innerview. `replication/methods/learned_priors/study.py` trains them on the 3000 training
# photographs of ten classes, on one core of a processor.
#
# The first is the decoder of a **variational autoencoder** {cite}`kingma2014vae`: an encoder gives each photograph a normal distribution
# of codes $z$, the decoder turns codes back into images, and both are trained to lose little while the codes of all photographs together
# stay near a standard normal distribution. Losses are counted in pixels and in the lower layers of GoogLeNet
# {cite}`dosovitskiy2016generating`.
#
# The second begins as a copy of that decoder and goes on as the generator of a **GAN** {cite}`larsen2016autoencoding`: a discriminator,
# which looks through the same layers {cite}`sauer2021projected`, learns to tell its images from photographs, and the generator learns
# to deceive it.

# %% mystnb={"figure": {"caption": "Photographs of the training set at 64 pixels, and images of random codes."}, "image": {"alt": "Three rows of small pictures: photographs, blurs in the colours of photographs, and sharper shapes and textures that are no objects"}}
run.show(figures.samples_figure(run), "samples")

# %% mystnb={"figure": {"caption": "Photographs that were not trained on, and what the autoencoder decodes from their codes."}, "image": {"alt": "A row of small photographs above a row of blurs with the same layout and colours"}}
run.show(figures.reconstructions_figure(run), "reconstructions")

# %%
figures.distances_table(run)

# %% [markdown]
# The kernel distance compares the features of two sets of images; 0 is as alike as two sets of photographs
# {cite}`binkowski2018demystifying`. The generators are far from that. They know layouts, colours and textures; nobody would take their
# images for photographs. That is enough to see what a prior does.
#
# ## A class under several priors
#
# Feature visualisation maximises the logit $S_c(x)$ over images $x$. Without a prior, $x$ is a grid of pixels. Under a generator $G$ it is
#
# $$\max_z\; S_c\big(G(z)\big), \qquad |z_i| \le 2.5$$
#
# since codes far from those of training make nothing like a photograph. In code:
#
# ```python
# import innerview as iv
# from innerview.synthesis import GeneratorPrior, load_generator
#
# googlenet = iv.load_model("googlenet")
# prior = iv.Recipe(parameterization=GeneratorPrior(load_generator("gan")), transforms=())
# church = iv.visualize(googlenet, "class:church", recipe=prior, steps=100)
# ```
#
# The prior of patches takes the penalty $\tfrac12\lVert x - J(x)\rVert^2$ from the objective, where $J(x)$ is the image that the nearest
# patches of photographs make.

# %% tags=["gallery"] mystnb={"figure": {"caption": "The same four classes without a prior, with the usual parameterization and transforms, under both generators, and with patches of photographs."}, "image": {"alt": "Five rows of four pictures each: fine noise; colourful repeated shapes; blurs; layouts with soft textures; repeated shapes that are smoother"}}
run.show(figures.priors_figure(run), "priors")

# %%
figures.priors_table(run)

# %% [markdown]
# The stronger the prior, the lower the logit. Without one the network is excited most, by images that show nothing to us
# ({doc}`adversarial_examples`).
#
# ## Sampling a class
#
# Plug and Play takes noisy steps of the code, so that images of a class come out as various as the generator allows:
#
# $$z \leftarrow z + \epsilon_1\, \frac{\partial \log p(z)}{\partial z} + \epsilon_2\, \frac{\partial \log p(c \mid G(z))}{\partial z} +
# \mathcal{N}(0, \epsilon_3^2)$$
#
# The paper learns the first gradient with a denoising autoencoder. Our codes are standard normal by construction, so that it is $-z$.

# %% mystnb={"figure": {"caption": "Three samples of each class with the probabilities that GoogLeNet gives it; the three starts are the same for all. The first four classes are among the ten of the generator's photographs, the others are not."}, "image": {"alt": "Rows of generated pictures with numbers above: some with buildings' outlines or sky, others with blobs of colour"}}
run.show(figures.classes_figure(run), "classes")

# %%
figures.classes_table(run)

# %% [markdown]
# The steps must be small. With ten times these strengths codes jumped about, and most ended in plain white or blue, of which the
# classifier says nothing. In the eyes of GoogLeNet about half of the samples reach their class; EfficientNet-Lite0 is seldom convinced.
# Classes that the generator never saw are reached less often, but not by much: it knows little of either kind, and a brown box on grey
# ground passes for a bus. Each sample stays near to its start, since a hundred small steps lead no further.
#
# ## What was claimed, what we measured

# %%
run.measure()

# %% [markdown]
# ## What can mislead
#
# - **What looks natural comes from the prior.** Sky above and grass below are what the generator learned of its photographs. That an
#   image of a unit shows them says nothing of the unit. Compare with an image without the prior before you say what a unit looks for.
# - **What the prior has not seen cannot be shown.** A class outside the ten is drawn with what the ten have. A unit for flamingos would
#   look as if it wanted something else.
# - **A sample is certain where its network is deceived.** The probability is the same network's that chose the image. The rank that another
#   network gives the class tells more.
#
# ## Where we deviate
#
# - The papers' generators are trained on a million photographs of 1000 classes to invert a network's features. Ours have seen 3000 of
#   ten classes, at 64 pixels. The ascent enlarges their images to 128.
# - The papers use CaffeNet; here it is GoogLeNet.
# - Nguyen et al. bound codes by three standard deviations of the encoder's; here the bound is 2.5 for all.
# - Wei et al. begin with a mean of photographs and use larger patches and databases; their text was not at hand, and the prior is written
#   from memory of its idea.
