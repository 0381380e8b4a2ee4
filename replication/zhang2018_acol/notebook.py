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
# # ACoL
#
# **Question.** A network that was told only which class a photograph shows, never where, still looks somewhere: its heatmap marks
# the object. But it marks what tells the class best, the head of a dog rather than the dog. Can a network be made to look at the
# rest, too?
#
# Zhang et al. train two classifiers {cite}`zhang2018acol`. The second sees the features without the places where the first
# found its evidence, so it has to find other evidence. Both maps together should cover the whole object. This page trains such a
# network, measures what it finds, and asks whether the second classifier is worth it.
#
# The article is *Adversarial Complementary Learning for Weakly Supervised Object Localization*.

# %% tags=["parameters", "remove-cell"]
preset = "book"
out = "results/book"
settings: dict = {}
device = "auto"
seed = 0

# %% tags=["remove-output"]
from innerview.replicate import Run
from replication.zhang2018_acol import figures
from replication.zhang2018_acol.paper import PAPER

run = Run.start(PAPER, preset=preset, out=out, settings=settings, device=device, seed=seed)

# %% [markdown]
# ## How it works
#
# Start with a network $F$ that was trained before and ends in features: maps of numbers. On top of it sits classifier A: two
# convolutions, then one of size 1 that gives each class $c$ a map $M^c_A$. The mean of the map over its positions is the logit
# of the class:
#
# $$y^c = \frac{1}{Z} \sum_{i,j} M^c_{ij}.$$
#
# Training raises the logit of the true class, so the map rises where there is evidence. This is CAM {cite}`zhou2016cam` with the
# sum over positions and the sum over channels in the other order (Sec. 3.1): the map comes out of the forward pass, and is equal to
# CAM's up to a constant. The scorecard below has the difference.
#
# Now scale A's map of the true class to [0, 1], and set the features to zero where it is at least $\delta$. Classifier B, built like
# A, is trained on what is left. Each classifier has its own cross-entropy, and the sum of both is minimised (Algorithm 1). No
# gradient passes through the erasing. To localize, both maps are scaled to [0, 1], and the larger value is taken at each position.

# %% mystnb={"figure": {"caption": "The network, drawn from the module that is trained. Features feed both classifiers; B's are erased first where A's map of the true class is strong."}, "image": {"alt": "Diagram: image, backbone, features, then two branches of convolutions, maps and logits; A's map leads to the erasing before branch B; both maps lead to the fused map"}}
run.show(figures.architecture_figure(run), "architecture")

# %% [markdown]
# In code:
#
# ```python
# import innerview as iv
# from innerview.localization import acol, acol_loss, acol_maps
# from innerview.training import train
#
# googlenet = iv.load_model("googlenet")
# model = acol(googlenet, "inception_4e", names, delta=0.6)
# trained = train(model, samples, acol_loss, recipe).model
# heat = acol_maps(trained, images, target=classes).fused
# ```
#
# ## Training
#
# The paper trains VGG-16 and GoogLeNet on ILSVRC's 1.2 million photographs. Here are 3000 photographs of ten of its classes. So that
# two processor cores manage it, the network up to the features stays as it was, its features are computed once, and only the
# classifiers are trained, with fewer channels than the paper's. Learning rates, momentum, weight decay and batch are those of the
# released code. The same is done without B: a plain network with global average pooling, called GAP.

# %% mystnb={"figure": {"caption": "The loss during training, averaged over fifty steps. B has the harder task: what tells the class best is hidden from it."}, "image": {"alt": "Two falling curves of the loss over the epochs, that of ACoL above"}}
run.show(figures.curves_figure(run), "curves")

# %%
figures.accuracy_table(run)

# %% [markdown]
# Both columns are the same, and that is no accident. Nothing of B's loss reaches A while the features stay as they are: A is the
# plain network. So whatever ACoL gains here, it gains by B. In the paper, where the whole network is trained, both classifiers also
# shape the features that they share; the study below trains some of them.
#
# ## What A and B look at

# %% tags=["gallery"] mystnb={"figure": {"caption": "Five photographs, evenly spread over those with boxes. In each row: A's map of the true class; what is left of the photograph for B, the positions whose features are erased in grey; B's map; the larger of both. Boxes are drawn around the largest part above 20 % of the range, as CAM does."}, "image": {"alt": "Rows of a photograph under the heatmap of classifier A, with grey squares, under the heatmap of B, and under the fused map, with true and found boxes"}}
run.show(figures.maps_figure(run), "maps")

# %% [markdown]
# B does look elsewhere. Of the dog it finds the paws, of the church the lower wing, of the truck cab and tail. And where the object
# ends it does not stop: around the parachute it marks the sky. Nobody told it where the object ends, and for a parachute the sky
# is evidence, too.
#
# Does the fused map find more of the object? At a given threshold it does, and it marks more of everything else. The curve below
# shows both at once: how much of the box is marked, and how much of what is marked lies in the box, while the threshold falls.

# %% mystnb={"figure": {"caption": "Pixels inside the true boxes: precision over recall. A better map has the higher curve. A point further right on the same curve is the same map, cut lower. A's curve is the highest: whatever share of the box the fused map covers, A's map, cut lower, covers it with less beside it."}, "image": {"alt": "Three curves of precision over recall, for A's map, B's map and the fused map"}}
run.show(figures.precision_figure(run), "precision")

# %%
figures.pixels_table(run)

# %% [markdown]
# ## Boxes, and where to cut
#
# The usual measure: cut the map at a threshold, draw a box around the largest part that is left, and count it as right if it
# overlaps a true box by half. For years everybody took one fixed threshold, 20 % of the maximum. Choe et al. showed that this
# compares how maps are spread, not what they know {cite}`choe2020evaluating`: a map that is high in many places needs a higher
# cut. They give each method its own.

# %% mystnb={"figure": {"caption": "Right boxes over the threshold, the class being told. The fused map needs a higher cut; its peak is what counts."}, "image": {"alt": "Two curves of the share of right boxes over the threshold, for GAP and for ACoL"}}
run.show(figures.thresholds_figure(run), "thresholds")

# %% [markdown]
# A threshold that is chosen on the very photographs that it is measured on flatters a little. So it is tuned: for each half of the
# photographs we take the one that is best on the other half. *Fixed*, *tuned* and *best* in the table are these three.

# %%
figures.boxes_table(run)

# %% [markdown]
# ## The study: several seeds, other ways to hide
#
# One run says little. The numbers of this section were computed once, with
# `python -m replication.zhang2018_acol.study`, and are kept with the project; the line below says when and on what. Here GoogLeNet's
# blocks 4a to 4e are trained along with the classifiers, so that both classifiers shape the features, as in the paper.
# Two simpler ways to make a network look at more hide parts of the photographs themselves: Hide-and-Seek hides squares of a grid
# {cite}`singh2017hide`, random erasing a rectangle {cite}`zhong2020random`. CAM and Grad-CAM are GoogLeNet's own, of its last
# layer, without any training here.

# %%
figures.study_line()

# %%
figures.study_table()

# %% mystnb={"figure": {"caption": "Wrong boxes, the class being told: mean of three seeds, with their range. Blue dots at a fixed threshold, where methods differ widely; red squares at a threshold tuned for each, where they hardly do."}, "image": {"alt": "Dots with intervals of localization errors for each method at two kinds of thresholds"}}
run.show(figures.study_figure(), "study")

# %% mystnb={"figure": {"caption": "The threshold of erasing: mean of two seeds, at 0.6 of three, with their range as a band. Dashed: the plain network. The less is erased, the better the fixed threshold fits; where it is tuned, little depends on delta from 0.6 on."}, "image": {"alt": "Curves of localization errors over delta at a fixed and at a tuned threshold, with lines of GAP"}}
run.show(figures.deltas_figure(), "deltas")

# %% [markdown]
# The paper's own numbers, for a thousand classes and networks that were trained whole:

# %%
figures.reported_table()

# %% [markdown]
# Choe et al. trained ACoL and CAM with the same care and gave both their best thresholds. Their numbers, and ours in the same
# measure:

# %%
figures.revisited_table()

# %% [markdown]
# ## Does erasing help?
#
# B does what it was made for. It looks elsewhere: little of what it marks is marked by A. And the fused map covers more of the
# object. But what B finds elsewhere is background as often as object, so precision falls by as much as recall rises, and the curve
# of the fused map lies below A's. Told in boxes: at the fixed threshold ACoL is far behind, since its maps are high in more places
# and 20 % cuts them too low. With thresholds tuned for each method, that disappears, and nothing of the paper's gain of three points
# is left either: random erasing, the plain network, Hide-and-Seek and ACoL, in this order, lie within three points. The less is erased, the better the fixed threshold fits, down to the plain network, where nothing is.
#
# Is this fair to the paper? Its networks were trained whole, on four hundred times as many photographs of a hundred times as many
# classes. To tell a terrier from another terrier may take the head alone; to tell a dog from a truck, the whole animal will do, and
# then there is less for B to find. And the paper does not say how it chose its threshold. But the study that did train whole
# networks on all of ImageNet came to the same end, and our difference in its own measure lies among its three.

# %% [markdown]
# ## What can mislead
#
# B knows the class without looking. Where the features are zero, A saw its class: so the shape of the hole tells B the label, and on
# generated images B was nearly always right where A had learned nothing. B's accuracy is no evidence that it found the object.
#
# The maps of B depend on the class that A's map was taken for: ask for another class, and other features are erased. A fused map
# is scaled twice, so its values mean nothing in logits; A's own map keeps them. The boxes of these ten classes are large: the
# largest covers 41 % of the photograph on average, and a map that marks the middle of every photograph does well. And whoever
# picks the threshold, or delta, by looking at the boxes of the test has used what a weakly supervised method must not have.
#
# ## Scorecard

# %%
run.measure()
