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
# # 6. CAM and Grad-CAM
#
# A network says "Egyptian cat". Where in the picture does it see one? The gradients of lesson 2 answer pixel by pixel, and their
# answers for two classes look much alike. The maps of this lesson are coarse, but each belongs to one class.

# %% [markdown]
# ## Learning goals
#
# After this lesson you can
#
# - say what global average pooling is, and derive the class activation map (CAM) from it;
# - compute Grad-CAM from its two equations, with one call of `torch.autograd.grad`;
# - say when the two agree, and up to which factor;
# - read Guided Grad-CAM and a counterfactual map;
# - name what such a map does not tell.
#
# ## Before you start
#
# You need lesson 1 (activations, channels, logits) and lesson 2 (gradients of a logit, guided backpropagation). From PyTorch you need
# broadcasting, `torch.einsum` and `torch.autograd.grad`. Reading takes about 40 minutes, the exercises about 40 more.
#
# The cell below holds what you may change. Half of the picture is one photograph, half is another, so that we know where each class
# is.

# %% tags=["parameters"]
network = "googlenet"  # or "efficientnet_lite0", which needs no download
left = ("skimage/chelsea", 110)  # a photograph, and the column of pixels where its half begins
right = ("skimage/coffee", 150)
target = "Egyptian cat"  # one of ImageNet's classes, by name
other = "espresso"  # another one
size = 224  # of the picture, in pixels
threshold = 0.15  # where a map is cut to find a box, as a share of its maximum
covered = 0.2  # the share of the picture that is hidden in the section on evidence against a class

# %%
# %matplotlib inline
import torch
from torch.nn.functional import interpolate

import innerview as iv
from innerview.core.maps import enlarged
from innerview.figures import PIXELS, SIGNED_AREAS, Explained, Marked, heatmaps, outlines
from innerview.localization.boxes import box_from_heatmap
from innerview.models import class_index, class_labels, find_layer
from innerview.replicate.photos import photo

last, head = {"googlenet": ("inception_5b", "loss3_classifier"), "efficientnet_lite0": ("relu1", "fc")}[network]
model = iv.load_model(network)


def half(name, start):
    """Cut a part out of a photograph that is twice as high as wide, and bring it to half of the picture's size."""
    pixels = photo(name)
    width = pixels.shape[-2] // 2
    cut = pixels[..., start : start + width]
    return interpolate(cut, (size, size // 2), mode="bicubic", antialias=True).clamp(0, 1)


image = torch.cat([half(*left), half(*right)], dim=-1)
c, other_c = class_index(model, target), class_index(model, other)
likely = model(image).softmax(dim=1)[0].topk(5)
for probability, index in zip(likely.values, likely.indices, strict=True):
    print(f"{float(probability):.2f} {class_labels(model)[index]}")

# %% [markdown]
# The network was trained to name one thing in a photograph. Here it finds classes of both halves among its first five.
#
# ## A head that takes the mean
#
# The last layer with positions puts out $k$ maps $A^k$. Each map belongs to a channel, and is large where the channel's feature is
# found. For a picture of 224 pixels there are $7 \times 7$ positions. Both networks of this lesson go on in the same way.
#
# 1. **Global average pooling (GAP)** takes the mean of each map over all $Z$ positions. What is left says how much of each
#    feature there is, and no longer where.
# 2. A **linear layer** weighs these means, with a row of weights $w^c$ and a bias $b^c$ for each class $c$:
#
# $$y^c = \sum_k w^c_k \, \frac{1}{Z} \sum_{ij} A^k_{ij} + b^c$$
#
# $y^c$ is the class's logit. The next cell checks this. `iv.activations` reads the maps, and the empty name stands for the model's own output.

# %%
images = image.clone().requires_grad_()
read = iv.activations(model, images, [last, ""])
maps, logits = read[last][0], read[""][0]
weights, bias = find_layer(model, head).weight, find_layer(model, head).bias

by_hand = weights[c] @ maps.mean(dim=(1, 2)) + bias[c]
print(f"maps {tuple(maps.shape)}, weights {tuple(weights.shape)}")
print(f"logit by hand {by_hand.item():.4f}, by the network {logits[c].item():.4f}")

# %% [markdown]
# So a logit is a sum over channels. The channels that give most of it are those where $w^c_k$ times the mean of $A^k$ is largest.


# %% mystnb={"figure": {"caption": "The three maps that add most to the logit of each class, the first class above, the second below. All are on one scale. A channel is no class: many of these maps lie on both halves, and with GoogLeNet channel 721 is among the three of both classes."}, "image": {"alt": "The picture of a cat and a cup, and six heatmaps of single channels"}}
def strongest(index):
    """Show the picture and the maps of the three channels that add most to a logit."""
    parts = weights[index] * maps.mean(dim=(1, 2))
    title = class_labels(model)[index]
    shown = [Explained(f"channel {k}", image, maps[k].detach()) for k in parts.topk(3).indices.tolist()]
    return [Explained(title, image), *shown]


heatmaps(strongest(c) + strongest(other_c), unit="activation", columns=4)

# %% [markdown]
# ## CAM: exchange two sums
#
# Zhou and colleagues {cite}`zhou2016cam` saw that the head hides a map. The sum over channels and the mean over positions may change
# places:
#
# $$y^c = \frac{1}{Z} \sum_{ij} \underbrace{\sum_k w^c_k A^k_{ij}}_{M^c_{ij}} + b^c$$
#
# $M^c$ is the **class activation map**, Equation 2 of the paper. (The paper writes GAP as a sum and leaves out the bias.) It says
# how much each position adds to the logit. Where it is negative, the position speaks against the class. In code it is one line.

# %%
cam = torch.einsum("k,kij->ij", weights[c], maps).detach()
print(f"mean of the map plus bias {(cam.mean() + bias[c]).item():.4f}, logit {logits[c].item():.4f}")
print("the library finds the same:", torch.allclose(cam, iv.cam(model, image, c)[0], atol=1e-4))

# %% mystnb={"figure": {"caption": "The class activation maps of both classes, in logits: red speaks for the class, blue against it. The map has 7 x 7 positions and is enlarged to the picture. With GoogLeNet each class is red on its own half, and what speaks against it is faint."}, "image": {"alt": "Two signed heatmaps of the picture of a cat and a cup"}}
heatmaps(
    [Explained("The picture", image)]
    + [
        Explained(class_labels(model)[index], image, iv.cam(model, image, index)[0], SIGNED_AREAS)
        for index in (c, other_c)
    ],
    unit="logit, before the mean over the positions",
)

# %% [markdown]
# CAM needs no gradient, and it is exact: nothing is approximated. But it needs this very head. VGG-16 and AlexNet flatten their maps
# and put several linear layers on all positions, so that there is no $w^c_k$. Zhou and colleagues cut these layers off, put a convolution, GAP
# and one linear layer in their place, and trained again. The new network is a little worse at naming, and it is another network than the
# one you had asked about.
#
# ## Grad-CAM: let the gradient give the weights
#
# Selvaraju and colleagues {cite}`selvaraju2017gradcam` asked for a weight of each channel in *any* network. Their answer is the
# gradient of the logit, averaged over the positions (Equation 1):
#
# $$\alpha^c_k = \frac{1}{Z} \sum_{ij} \frac{\partial y^c}{\partial A^k_{ij}}$$
#
# It says how much the logit would rise if the whole map $A^k$ rose a little. The maps are added with these weights, and what is
# negative is cut off (Equation 2):
#
# $$L^c = \mathrm{ReLU}\Big(\sum_k \alpha^c_k A^k\Big)$$
#
# The ReLU keeps what speaks *for* the class. The score $y^c$ is the logit, before the softmax: a probability also rises when other
# classes lose, so its gradient mixes them in.

# %%
(gradient,) = torch.autograd.grad(logits[c], read[last], retain_graph=True)
alpha = gradient[0].mean(dim=(1, 2))  # Eq. 1
grad_cam = torch.relu(torch.einsum("k,kij->ij", alpha, maps)).detach()  # Eq. 2
print("the library finds the same:", torch.allclose(grad_cam, iv.grad_cam(model, image, c)[0], atol=1e-5))

# %% [markdown]
# ## Where both agree
#
# What is Grad-CAM for a network with GAP and a linear layer? The logit depends on $A^k_{ij}$ by the factor $w^c_k / Z$ alone, at
# every position. So
#
# $$\frac{\partial y^c}{\partial A^k_{ij}} = \frac{w^c_k}{Z}, \qquad \alpha^c_k = \frac{w^c_k}{Z}, \qquad L^c = \frac{1}{Z} \, \mathrm{ReLU}(M^c)$$
#
# For such networks Grad-CAM is CAM without its negative part, divided by the number of positions. (Section 3.1 of the paper shows
# this. It notes that the constant $1/Z$ drops out when a map is scaled for display.)

# %%
positive = cam > 0
ratio = cam[positive] / grad_cam[positive]
print(f"CAM / Grad-CAM where positive: {float(ratio.min()):.4f} to {float(ratio.max()):.4f}")
print("positions Z:", maps.shape[1] * maps.shape[2])

# %% mystnb={"figure": {"caption": "The positive part of CAM and Grad-CAM, each divided by its own maximum, for both classes. The pictures of one class are the same."}, "image": {"alt": "Four heatmaps: for each class the positive part of CAM, and Grad-CAM, which look the same"}}
heatmaps(
    [
        shown
        for index in (c, other_c)
        for shown in (
            Explained(f"ReLU of CAM, {class_labels(model)[index]}", image, iv.cam(model, image, index)[0].relu()),
            Explained(f"Grad-CAM, {class_labels(model)[index]}", image, iv.grad_cam(model, image, index)[0]),
        )
    ]
)

# %% [markdown]
# ## Which layer?
#
# CAM knows one layer. Grad-CAM can ask any layer, since every layer has a gradient. Lower layers have more positions. But their
# channels answer to edges and textures, which many classes share. And one weight for a whole map is a poor summary where the same
# feature is good evidence at one place and bad evidence at another.

# %% mystnb={"figure": {"caption": "Grad-CAM of the first class, from a low layer to the last. Low layers are fine and mark something on both halves. With GoogLeNet the two highest layers keep to the cat."}, "image": {"alt": "Four heatmaps of the picture, from a low to a high layer"}}
layers = {
    "googlenet": ["inception_3b", "inception_4c", "inception_4e", "inception_5b"],
    "efficientnet_lite0": ["blocks.4", "blocks.9", "blocks.14", "relu1"],
}[network]
heatmaps([Explained(name, image, iv.grad_cam(model, image, c, name)[0]) for name in layers])

# %% [markdown]
# ## Guided Grad-CAM: fine and of one class
#
# Guided backpropagation (lesson 2) draws the outlines of the cat's eye, but it draws the eye for the espresso, too. Grad-CAM tells the
# classes apart, but it has no outlines. **Guided Grad-CAM** multiplies them: the coarse map is enlarged to the picture and multiplied with the fine
# one, pixel by pixel. Where the coarse map is zero, the product is zero.


# %% mystnb={"figure": {"caption": "Guided backpropagation, Grad-CAM and their product, for both classes. Guided backpropagation marks edges on both halves; the product keeps to the half of its class."}, "image": {"alt": "Two rows of three maps: fine, coarse, and their product"}}
def three(index):
    """Show guided backpropagation, Grad-CAM and Guided Grad-CAM of a class."""
    title = class_labels(model)[index]
    return [
        Explained(f"Guided backprop, {title}", image, iv.guided_backprop(model, image, index)[0], PIXELS),
        Explained(f"Grad-CAM, {title}", image, iv.grad_cam(model, image, index)[0]),
        Explained(f"Guided Grad-CAM, {title}", image, iv.guided_grad_cam(model, image, index)[0], PIXELS),
    ]


heatmaps(three(c) + three(other_c), columns=3)

# %% [markdown]
# How much of each map lies on the left half? Numbers are safer than the eye. (Coarse maps are enlarged first, since the middle one of
# their seven columns belongs to both halves.)

# %%
for name in ("guided_backprop", "grad_cam", "guided_grad_cam"):
    found = [enlarged(getattr(iv, name)(model, image, index), (size, size))[0] for index in (c, other_c)]
    shares = [float(one.chunk(2, dim=-1)[0].sum() / one.sum()) for one in found]
    print(f"{name:16} {target}: {shares[0]:.0%} on the left; {other}: {shares[1]:.0%}")

# %% [markdown]
# ## What speaks against a class
#
# Turn the sign of the gradient, and the same equations mark what would have to go for the class to rise. The paper calls such a map
# a **counterfactual explanation**: it speaks of a picture that is not there.
#
# $$\alpha^c_k = \frac{1}{Z} \sum_{ij} - \frac{\partial y^c}{\partial A^k_{ij}}$$
#
# For a head with GAP this is the negative part of CAM, by the same steps as above. The statement can be put to the test: hide what
# the map marks, and ask again.

# %% mystnb={"figure": {"caption": "What speaks against each class, and the picture with the places of the largest values grey. With GoogLeNet the coffee speaks against the cat."}, "image": {"alt": "Two heatmaps, each followed by the picture with a part hidden"}}
against = [enlarged(iv.counterfactual_grad_cam(model, image, index), (size, size)) for index in (c, other_c)]
marked = [one >= one.flatten().quantile(1 - covered) for one in against]
hidden = [torch.where(one, torch.tensor(0.5), image) for one in marked]
heatmaps(
    [
        shown
        for title, one, without in zip((target, other), against, hidden, strict=True)
        for shown in (Explained(f"Against {title}", image, one[0]), Explained("Without it", without))
    ],
    columns=4,
)

# %%
for title, index, without in zip((target, other), (c, other_c), hidden, strict=True):
    before, after = model(image), model(without)
    print(f"{title}: logit {float(before[0, index]):.2f} -> {float(after[0, index]):.2f}", end=", ")
    print(f"probability {float(before.softmax(1)[0, index]):.2f} -> {float(after.softmax(1)[0, index]):.2f}")

# %% [markdown]
# Logit and probability need not rise both. Grey is no neutral colour for a network: what is hidden also leaves an edge and an empty
# place.
#
# ## From a map to a box
#
# Both papers find objects with such maps, though no box was used in training. Cut the map at a share of its maximum, keep the
# largest connected piece, draw a box around it. Zhou and colleagues cut at 20 %, Selvaraju and colleagues at 15 %. The box is counted
# as right if its intersection with a true box is at least half of their union.

# %% mystnb={"figure": {"caption": "Boxes from the first class's map at four thresholds. The lower the threshold, the larger the box."}, "image": {"alt": "The picture with four nested boxes"}}
heat = enlarged(iv.grad_cam(model, image, c), (size, size))
cuts = sorted({threshold, 0.3, 0.5, 0.7})
outlines([Marked(target, image, {f"above {cut:.0%}": box_from_heatmap(heat, cut) for cut in cuts})], scale=2)

# %% [markdown]
# The threshold is no detail. Lesson 7 comes back to it: much of what looks like progress in finding objects is a better threshold.
#
# ## Change the figure
#
# The cell at the top holds the parameters. Change one, run everything again, and look.
#
# - `target = "golden retriever"`: a class that is not in the picture. You get a map nevertheless, in the same colours, since each map
#   is divided by its own maximum. Compare the values of CAM, which has a unit.
# - `size = 448`: the maps get $14 \times 14$ positions, and $Z$ with it. The networks were trained with objects in the size of a
#   224-pixel photograph, so that their predictions change, too.
# - `left, right = right, left` in a cell behind the parameters (or exchange the two lines): do the maps move with the photographs?
#   They should.
# - `threshold = 0.05`: the box grows to nearly everything, as a coarse map has no sharp border.
# - `covered = 0.4`: more is hidden. Does the probability rise further, or is now evidence *for* the class hidden, too?
# - `network = "efficientnet_lite0"`: another network, another answer.
#
# ## Common misreadings
#
# - **"The map shows the object."** It shows where evidence for the class is. A cat's face may be enough, and the water below a boat may
#   count for the boat.
# - **"Grad-CAM is better than CAM."** Where both exist, the positive parts are the same. Grad-CAM applies to more networks.
# - **"Bright means sure."** A map that is divided by its maximum always has a brightest place. Look at the values, or at the probability.
# - **"Fine maps are more exact."** Guided backpropagation is sharp, since it follows edges. It hardly depends on the class, and little
#   on the upper layers' weights {cite}`adebayo2018sanity`.
# - **"The gradient at a position is used."** It is averaged over all positions first. What differs between positions is $A$.
#
# ## Limits
#
# - The resolution is the layer's: $7 \times 7$ positions for a picture of 224 pixels. What you see between them is interpolation.
# - Each position sees a large part of the picture, its receptive field. A map places evidence at the field's middle.
# - One weight for a channel treats all its positions alike. For several objects of one class, or for low layers, that is too coarse.
#   Grad-CAM++ {cite}`chattopadhay2018gradcampp` and LayerCAM {cite}`jiang2021layercam` change just this.
# - A gradient says what a *small* change does. If a logit is saturated, or two features replace each other, removing a marked place may
#   change little.
# - The ReLU hides what speaks against the class. Look at the counterfactual map as well.
#
# ## Quiz
#
# **1. Why does CAM not work for VGG-16 as it was published?**
#
# <details><summary>Answer</summary>
#
# VGG-16 flattens its last maps and puts three linear layers on all positions. There is no single weight $w^c_k$ of a channel, so the
# sums over channels and positions cannot be exchanged.
#
# </details>
#
# **2. In a network with GAP, the maps have $14 \times 14$ positions. CAM is 9.8 at one of them. What is Grad-CAM there?**
#
# <details><summary>Answer</summary>
#
# $9.8 / Z = 9.8 / 196 = 0.05$. Were CAM negative there, Grad-CAM would be 0.
#
# </details>
#
# **3. What happens to Grad-CAM's map, before any scaling, if all weights and the bias of the last linear layer are doubled?**
#
# <details><summary>Answer</summary>
#
# Each gradient doubles, and so does the map. Divided by its maximum it looks the same. The prediction is the same, too, but the
# probabilities become more extreme.
#
# </details>
#
# **4. You differentiate the probability in place of the logit. Which map do you get for a class whose probability is 0.999?**
#
# <details><summary>Answer</summary>
#
# The gradient of the softmax is $p_c \big(\nabla y^c - \sum_d p_d \nabla y^d\big)$. With $p_c$ near 1, the bracket is nearly zero: the
# map is tiny, and what is left of it compares the class with its nearest rivals.
#
# </details>
#
# **5. Where can Guided Grad-CAM be zero although guided backpropagation is not?**
#
# <details><summary>Answer</summary>
#
# Where the enlarged Grad-CAM map is zero: the ReLU cut off what speaks against the class. The product is zero there, however strong
# the edges are.
#
# </details>
#
# **6. A counterfactual map is zero everywhere. Is something broken?**
#
# <details><summary>Answer</summary>
#
# No. $\sum_k \alpha^c_k A^k$ is then positive everywhere, so nothing in the picture speaks against the class, by this measure.
#
# </details>
#
# ## Exercises
#
# The exercise notebook has four parts. To warm up, you write the head with global average pooling and the weights of Equation 1. The
# core is CAM and Grad-CAM for a batch, from Equation 2 of either paper. Then you find the constant between both for a small network,
# and measure which share of a map lies on the half that shows its class.
#
# ## Further reading
#
# - {cite}`zhou2016cam`: CAM. Read Section 2 for the derivation, and the figures on what GAP localises without being told.
# - {cite}`selvaraju2017gradcam`: Grad-CAM. Section 3 has the method, its relation to CAM and the counterfactuals; the later sections show
#   how to evaluate such maps, also with people.
# - {cite}`chattopadhay2018gradcampp` and {cite}`jiang2021layercam`: what to do where one weight a channel is too coarse.
# - {cite}`adebayo2018sanity`: how to test whether a map depends on what the network learned at all.
# - {doc}`/scorecard`: what the papers claim and what this book measured. {doc}`/methods`: all methods.
