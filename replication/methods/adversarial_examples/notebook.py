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
# # Adversarial examples
#
# **Question.** How little must an image change before a network sees something else in it?
#
# Very little. Szegedy et al. found in 2013 that a change which nobody sees is enough, and that the same change fools other networks,
# too {cite}`szegedy2014intriguing`. This page makes such examples in six ways, measures how small they can be, and shows two
# relatives: images in which there is nothing and the network is certain, and pictures of classes without regularisation.

# %% tags=["parameters", "remove-cell"]
preset = "book"
out = "results/book"
settings: dict = {}
device = "auto"
seed = 0

# %% tags=["remove-output"]
from innerview.replicate import Run
from replication.methods.adversarial_examples import figures
from replication.methods.adversarial_examples.paper import PAPER

run = Run.start(PAPER, preset=preset, out=out, settings=settings, device=device, seed=seed)

# %% mystnb={"figure": {"caption": "A photograph, a change of at most 4 of 255 levels a value (drawn many times enlarged), and their sum. The change was made so that GoogLeNet sees an espresso."}, "image": {"alt": "A photograph, a square of coloured noise, and the same photograph again"}}
run.show(figures.targeted_figure(run), "targeted")

# %% [markdown]
# ## How it works
#
# A network is differentiable. The gradient of the loss $J$ with respect to the image says how each value has to change for the true
# class $y$ to lose. Goodfellow et al. take a single step along its sign {cite}`goodfellow2015explaining`:
#
# $$x' = x + \epsilon\, \mathrm{sign}(\nabla_x J(x, y))$$
#
# Each value moves by $\epsilon$, which is too small to be seen. But there are 150,000 of them, and all push the same way.
#
# - **FGSM** is this one step, cut to the range of images.
# - The **iterative** method takes many small ones and stays within $\epsilon$ {cite}`kurakin2017physical`.
# - **PGD** does the same from a random start in the ball {cite}`madry2018towards`.
# - Under **L2** the Euclidean length of the change is bounded, and a step goes along the gradient itself.
# - **Targeted** attacks lower the loss of a chosen class, in place of raising that of the true one.
# - **DeepFool** asks for the shortest change {cite}`moosavi2016deepfool`. It takes the network as linear, goes to the nearest boundary
#   with another class, and repeats:
#
# $$r_i = \min_{k \neq y} \frac{|f_k - f_y|}{\|\nabla f_k - \nabla f_y\|_2}\ \text{ along }\ \nabla f_k - \nabla f_y$$
#
# In code:
#
# ```python
# import innerview as iv
# from innerview.adversarial import Attack, Towards, deepfool, fgsm, pgd
#
# googlenet = iv.load_model("googlenet")
# found = fgsm(googlenet, images, epsilon=1 / 255)
# led = pgd(googlenet, images, Towards("espresso"), Attack(epsilon=8 / 255, steps=20))
# short = deepfool(googlenet, images)          # short.norms, short.steps, short.success
# ```
#
# or `innerview attack photo.jpg --method deepfool -o sheet.png`. Attacks keep their ball and the range [0, 1] exactly.

# %% tags=["gallery"] mystnb={"figure": {"caption": "One photograph after each attack, and what was added, enlarged. FGSM, the iterative method and PGD may change each value by one level of 255; PGD under L2 may make a change of length 1; DeepFool stops as soon as the class changes."}, "image": {"alt": "Six copies of one photograph that look alike, under different class names, with noise patterns below"}}
run.show(figures.attacks_figure(run), "attacks")

# %%
figures.attacks_table(run)

# %% [markdown]
# The copies look alike. Their names do not.
#
# ## How little is enough

# %% mystnb={"figure": {"caption": "Photographs that GoogLeNet names right, against the size of the attack. Epsilon is the most that any value may change. Where only one of the two lower curves is seen, the other lies beneath it."}, "image": {"alt": "Falling curves of accuracy over epsilon on a logarithmic axis, that of one step above the other two"}}
run.show(figures.accuracy_figure(run, "linf"), "accuracy-linf")

# %% mystnb={"figure": {"caption": "The same where the Euclidean length of the change is bounded."}, "image": {"alt": "Two falling curves of accuracy over the length of the change"}}
run.show(figures.accuracy_figure(run, "l2"), "accuracy-l2")

# %%
figures.accuracy_table(run)

# %% [markdown]
# One level is the least that a file of 8 bits can hold. Within it, many steps leave one photograph in twenty right. The last column is
# the part to remember: the network is not in doubt. After many steps it is surer of the wrong class than it was of its answer before.
# A single long step makes it less sure: it leaves the region in which the network is nearly linear.
#
# DeepFool gives the length that is needed, photograph by photograph:

# %%
figures.deepfool_table(run)

# %% [markdown]
# Such a change lies so close to the boundary that saving the image with 8 bits mostly undoes it.
#
# ## One change for all photographs
#
# Moosavi-Dezfooli et al. add up DeepFool's steps over many photographs, and keep the sum in a ball
# {cite}`moosavi2017universal`. What comes out is a single image that can be added to any photograph. With 500 photographs and more it
# fools most that it never saw. DeepFool takes a second for each, so fifty have to do here. Taken as in the paper, their steps fool
# them long before the ball is full, and nothing else: a first try with 24 photographs fooled 58 % of these and none of a hundred
# others. So each step here is eleven times as long as DeepFool's.

# %% mystnb={"figure": {"caption": "Left: the change, at most 10 levels of 255, enlarged. Right: photographs that it was not made with, above as they are, below with the change."}, "image": {"alt": "A pattern of coloured waves and blots, and four photographs twice, with different class names"}}
run.show(figures.universal_figure(run), "universal")

# %% [markdown]
# It fools nearly all of the fifty, and a fifth of a hundred others, four times as many as random signs of the same length. That is
# far from what the paper reaches with two hundred times as many photographs. What fools one photograph in any way is easily found; what
# fools all needs many to be found with.

# %% [markdown]
# ## Examples made on another network
#
# Does a network have to be known to be fooled? Each row below was made on one network; each column is the network that looks at it.

# %%
figures.transfer_table(run)

# %% [markdown]
# On its own network an attack nearly always works. Other networks are fooled less, and more by one large step than by many that
# fit the first network exactly. The last row is noise of the same size, made on none. Mind the small numbers of photographs.
#
# ## Images that show nothing
#
# The attack needs no photograph. Nguyen et al. start from noise and raise the probability of a class {cite}`nguyen2015deep`. The image
# stays what it was for us.
#
# This is feature visualization as well: an ascent from noise to what excites a class. What sets the two apart is regularisation. Without
# it, changing pixel by pixel and always looking at the same place, feature visualization is an attack on noise. With it (frequencies
# in place of pixels, shifts and turns before each look) it can use only what survives a shift, and that looks like something.

# %% mystnb={"figure": {"caption": "Photographs; photographs led to another class; noise and plain grey led to classes, all within 16 levels; and feature visualization of the same classes without and with regularisation. The number is the probability of the class."}, "image": {"alt": "Six kinds of images, three of each: photographs, the same again, noise, grey with faint noise, harsh noise, and pictures with recognisable parts"}}
run.show(figures.nothing_figure(run), "nothing")

# %% mystnb={"figure": {"caption": "How sure GoogLeNet is of the class, as the image was made and after a shift of up to 8 pixels, a scaling by up to 5 % and a turn by up to 5 degrees; and how sure another network is of the image as made."}, "image": {"alt": "Dots on intervals for six kinds of images: all near 1 as made; after small transformations some fall"}}
run.show(figures.fragile_figure(run), "fragile")

# %%
figures.fragile_table(run)

# %% [markdown]
# For another network there is nothing in any of the four kinds of images that were made without regularisation. Small shifts divide
# them: adversarial examples and changed noise lose their class at once. Where the photograph or the noise does not speak against the
# class, as in grey, and where the ascent may go as far as it likes, the score has climbed so high that much is left after a shift. So
# a picture without regularisation is more stubborn than we had expected; what it shows is still meant for one network alone.
#
# ## Channels and random directions
#
# The same paper has a second claim. Take the photographs that excite a channel of the last layer but one most: they have something in
# common. Take a random direction in that space instead: according to Szegedy et al. its photographs have as much in common, so channels
# are nothing special. Here both are measured by the share of the top nine that is of one class, among ten classes.

# %% mystnb={"figure": {"caption": "How alike the photographs are that excite a channel, or a random direction, of the last layer but one most. Dashed: means. Chance: nine photographs drawn at random."}, "image": {"alt": "Three histograms of purity: chance at the left, random directions, channels"}}
run.show(figures.basis_figure(run), "basis")

# %%
figures.basis_table(run)

# %% [markdown]
# Both are far above chance, and not far from one another. By this measure a random direction means nearly as much as a channel.
# {doc}`/replications/olah2017_feature_visualization` measures the same with more photographs, and for pictures in their place.
#
# ## What was claimed, what we measured

# %%
run.measure()

# %% [markdown]
# ## What can mislead
#
# - **A small epsilon is no small change in meaning, nor the reverse.** Two photographs that look alike to us can be far apart in any of
#   these norms. The norms are used because they are easy to compute.
# - **A failed attack shows nothing.** A network that withstands FGSM may fall to PGD. Gradients can be hidden without the examples
#   being gone.
# - **Not every success is a file.** Changes below half a level are lost when the image is saved with 8 bits.
#   `innerview attack --save` rounds so that the ball still holds, and says whether the saved file still fools.
# - **Confidence is no evidence.** A probability of 100 % says which class won, not that the image is like that class.
# - **Purity needs labels.** A direction can mean something that cuts across the ten classes, such as a colour; purity does not see it.
#
# ## Limits of what was measured
#
# - Few photographs, of ten classes: a share of sixteen moves in steps of six percent. The `paper` preset takes 200 and more.
# - The universal perturbation was made with few photographs; the paper used 10,000, and its rate of 78.9 % is not measured here.
# - The norm that DeepFool's ratio refers to is our reading: the network's input, less the mean colour. The table shows both.
# - Networks here were trained without any defence.
