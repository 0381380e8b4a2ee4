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
# # 2. Saliency
#
# A network says "Egyptian cat". Which pixels made it say so? There are two plain ways to ask: cover some pixels and see what happens, or
# take the gradient. And there are two ways to make the gradient's picture prettier. This lesson tries all of them, and then asks whether
# the pretty pictures are true.

# %% [markdown]
# ## Learning goals
#
# After this lesson you can
#
# - compute an occlusion map and a saliency map from their equations;
# - say what a gradient at a pixel means, and what it does not mean;
# - write down the three rules for the way back through a ReLU, and tell gradient, deconvnet and guided backpropagation apart;
# - run a sanity check on a method that makes heatmaps;
# - explain why a sharp, convincing picture may say little about the network.
#
# ## Before you start
#
# You need lesson 1 (ReLU, activations, layers) and, from PyTorch, `requires_grad` and `torch.autograd.grad`. A **logit** is what the
# network puts out for a class, before any softmax. Reading takes about 40 minutes, the exercises about 45 more.
#
# The cell below holds what you may change. Half of the picture is one photograph, half is another, so that we know where each class is.

# %% tags=["parameters"]
network = "googlenet"  # or "efficientnet_lite0", which needs no download
left = ("skimage/chelsea", 110)  # a photograph, and the column of pixels where its half begins
right = ("skimage/coffee", 150)
target, other = "Egyptian cat", "espresso"  # two of ImageNet's classes, by name
patch = 56  # side of the square that covers, in pixels
stride = 28  # from one square to the next, at most `patch`
cover = 0.5  # brightness of the square: 0 black, 0.5 grey, 1 white
seed = 0  # of the random weights in the sanity check

# %%
# %matplotlib inline
import torch

import innerview as iv
from innerview.attribution.occlusion import spread
from innerview.evaluation import randomized, rank_correlation, weighted_layers
from innerview.figures import PIXELS, SIGNED_AREAS, SIGNED_PIXELS, Explained
from innerview.figures import gradient_picture, heatmaps, lines, panels
from innerview.models import class_index, class_labels
from innerview.replicate.photos import photo

model = iv.load_model(network)
middle = {"googlenet": "inception_4c", "efficientnet_lite0": "blocks.10.relu1"}[network]
halves = [photo(name, 336)[..., :224, start : start + 112] for name, start in (left, right)]
image = torch.cat(halves, dim=-1)
first, second = class_index(model, target), class_index(model, other)

with torch.no_grad():
    logits = model(image)[0]
for index in logits.topk(4).indices.tolist():
    print(f"{class_labels(model)[index]}: logit {logits[index]:.2f}, probability {logits.softmax(0)[index]:.2f}")

# %% [markdown]
# ## Cover a part, and ask again
#
# The most direct question is an experiment. Cover a square of the image $x$ with grey and see how far the logit $S_t$ of class $t$ falls:
#
# $$L_{ab} = S_t(x) - S_t(x \text{ with square } (a, b) \text{ covered})$$
#
# Slide the square over the image, and the numbers make an **occlusion map** {cite}`zeiler2014visualizing`. Positive: the square held
# evidence for the class. Negative: without it the network is surer.

# %%
starts = range(0, 224 - patch + 1, stride)
fall = torch.zeros(2, len(starts), len(starts))
with torch.no_grad():
    for a, top in enumerate(starts):
        for b, begin in enumerate(starts):
            altered = image.clone()
            altered[..., top : top + patch, begin : begin + patch] = cover
            fall[:, a, b] = (logits - model(altered)[0])[[first, second]]
print(
    f"{len(starts) ** 2} squares; the logit falls most by {fall[0].max():.2f} ({target}), {fall[1].max():.2f} ({other})"
)

# %% mystnb={"figure": {"caption": "How far the logit falls where the square lies, in one unit for both classes. Red: the square held evidence. With GoogLeNet each class depends on its own half, and the other half speaks a little against it."}, "image": {"alt": "Half a cat beside half a cup of coffee, and two maps of it: one is red on the cat, the other on the cup"}}
occluded = spread(fall, (224, 224), patch=patch, stride=stride)
heatmaps(
    [
        Explained("The picture", image),
        Explained(f"Occlusion, {target}", image, occluded[0], SIGNED_AREAS),
        Explained(f"Occlusion, {other}", image, occluded[1], SIGNED_AREAS),
    ],
    unit="logit",
    columns=3,
)

# %% [markdown]
# `iv.occlusion` does the same. The map is easy to understand, and slow: one pass through the network for each square. Its look depends on
# three choices: how large the square is, how far it moves, and what covers. Grey is a picture, too. A grey square on a cat may look like a
# ball, and the network may answer to its edges.
#
# ## Ask the gradient
#
# Near the image $x_0$ the logit is almost a linear function of the pixels:
#
# $$S_t(x) \approx S_t(x_0) + w \cdot (x - x_0), \qquad w = \frac{\partial S_t}{\partial x}\Big|_{x_0}$$
#
# So $w$ has one number for each pixel and colour: how fast the logit changes when it does. Simonyan et al. keep the largest absolute
# value over the colours, and call the map image-specific class **saliency** {cite}`simonyan2014deep`:
#
# $$M_{ij} = \max_c |w_{c,i,j}|$$
#
# One pass forward and one back give all of it.

# %%
pixels = image.clone().requires_grad_()
(w,) = torch.autograd.grad(model(pixels)[0, first], pixels)
saliency_map = w.abs().amax(1)  # over the colours
same = torch.allclose(saliency_map, iv.saliency(model, image, first), rtol=1e-4, atol=1e-6 * float(w.abs().max()))
print(f"gradient {tuple(w.shape)}, map {tuple(saliency_map.shape)}; equal to iv.saliency: {same}")

# %% [markdown]
# Is it true that $w$ predicts the logit? Go a little way along the gradient, then farther, and compare.

# %%
step = w / w.norm()
with torch.no_grad():
    for length in (0.001, 0.01, 0.1, 1.0):
        change = float(model(image + length * step)[0, first] - logits[first])
        told = float((w * length * step).sum())
        print(f"step of length {length}: the logit rises by {change:.3f}, the gradient says {told:.3f}")

# %% [markdown]
# Close by, the gradient is right. Farther off, it promises too much. And far is near here: a step of length 1 is spread over 150,528
# numbers and changes each of them by 0.0026 on average (root mean square), less than one of the 255 steps of brightness in a file. A
# saliency map tells of changes that nobody would see. It does not say what would happen if the pixels went away, which is the question of
# occlusion.
#
# ## Gradient times input
#
# The linear function has a second reading. In $w \cdot x$ each pixel has a share,
#
# $$R_{ij} = \sum_c x_{c,i,j}\, w_{c,i,j}$$
#
# which is signed {cite}`shrikumar2016not`. For a linear model without a bias the shares add up to the score. For a network they need not.
# And a black pixel, $x = 0$, gets nothing, whatever it means to the network.

# %% mystnb={"figure": {"caption": "Two readings of one gradient. Left of them the picture. Both are noisy: neighbouring pixels have unlike gradients. With GoogLeNet the cat's half is fuller; more the eye can hardly read."}, "image": {"alt": "The picture; a map of dark dots, denser on the cat; and a map of red and blue dots"}}
product = iv.gradient_times_input(model, image, first)
print(f"the shares add up to {product.sum():.2f}; the logit is {logits[first]:.2f}")
heatmaps(
    [
        Explained("The picture", image),
        Explained(f"Saliency, {target}", image, saliency_map[0], PIXELS),
        Explained(f"Gradient times input, {target}", image, product[0], SIGNED_PIXELS),
    ],
    columns=3,
)

# %% [markdown]
# ## Three ways back through a ReLU
#
# The gradient comes down from the logit through every layer. At a ReLU $y = \max(x, 0)$ a gradient $g$ arrives at $y$. What goes on to $x$?
# Three methods differ in nothing but this answer.
#
# | Method | What goes on | In words |
# |---|---|---|
# | gradient {cite}`simonyan2014deep` | $g \cdot 1[x > 0]$ | where the input was positive |
# | deconvnet {cite}`zeiler2014visualizing` | $g \cdot 1[g > 0]$ | where the gradient is positive |
# | guided backpropagation {cite}`springenberg2015striving` | $g \cdot 1[x > 0] \cdot 1[g > 0]$ | where both are |
#
# Only the first is a derivative. The deconvnet began as something else: a network that runs backwards, from a feature map to the
# pixels, with a ReLU in each layer of its own, and with the places of the pooling's maxima remembered. Written as above, it is the
# gradient with another ReLU. Springenberg et al. joined the two rules. What counts against the score stops on the way, and so does what was
# not active.

# %%
x = torch.tensor([2.0, -1.0, 3.0, -2.0])  # what went into a ReLU
g = torch.tensor([1.0, 4.0, -2.0, -3.0])  # the gradient that arrives at its output
print("gradient ", torch.where(x > 0, g, 0).tolist())
print("deconvnet", torch.where(g > 0, g, 0).tolist())
print("guided   ", torch.where((x > 0) & (g > 0), g, 0).tolist())

# %% [markdown]
# Below are the three for the class, and for a neuron in the middle of the network: the strongest channel at the middle position. The
# pictures show the signed gradient as colours; grey is zero.

# %% mystnb={"figure": {"caption": "Three rules: for a class above, for one neuron below. Grey is zero. The gradient is noise to the eye. With GoogLeNet the deconvnet draws lines among dots, and guided backpropagation draws the photograph's lines crisply. The neuron sees only its surroundings."}, "image": {"alt": "Six pictures on grey: scattered coloured dots by the gradient, and outlines of cat and cup by the other rules; in the lower row only around the middle"}}
with torch.no_grad():
    inside = iv.activations(model, image, middle)[middle][0]
channel = int(inside[:, inside.shape[1] // 2, inside.shape[2] // 2].argmax())
targets = {target: first, f"neuron {channel}": iv.neuron(middle, channel)}
rules = ("gradient", "deconvnet", "guided")
drawn = {
    f"{rule}, {name}": gradient_picture(iv.input_gradient(model, image, score, rule)[0])
    for name, score in targets.items()
    for rule in rules
}
panels(drawn, columns=3)

# %% [markdown]
# This looks like progress: guided backpropagation draws the eye, the fur, the nose. But look again at the upper row. It was made for the
# cat. Why are there the rim of the cup and the spoon, if faintly?
#
# The deconvnet has a trouble of its own. Its rule does not look at $x$. Only max pooling, which passes the gradient to where the maximum
# was, tells it anything of the image. EfficientNet-Lite0 has no max pooling. Its deconvnet pictures are a regular grid, and the same for
# every image. The networks of Springenberg et al. have none either, and guided backpropagation is their answer.
#
# ## Two classes, one picture
#
# A map that explains a class should change with the class. Here are both methods for both classes, with the rank correlation between the two
# maps: 1 if they put the pixels in the same order, 0 if their orders have nothing in common.

# %% mystnb={"figure": {"caption": "Saliency and guided backpropagation for two classes. With GoogLeNet guided backpropagation draws the same lines for both, and the eye and the nose of the cat are as dark for the espresso."}, "image": {"alt": "Four maps of dark on white: two clouds of dots, which differ, and two line drawings of cat and cup, with the cup darker in the second"}}
shown = []
for title, method in {"Saliency": iv.saliency, "Guided backprop": iv.guided_backprop}.items():
    pair = [method(model, image, index) for index in (first, second)]
    print(f"{title}: rank correlation between the two classes {float(rank_correlation(*pair)):.2f}")
    shown += [
        Explained(f"{title}, {name}", image, one[0], PIXELS) for name, one in zip((target, other), pair, strict=True)
    ]
heatmaps(shown, columns=4)

# %% [markdown]
# ## A sanity check
#
# Adebayo et al. go one step further {cite}`adebayo2018sanity`. A map that explains what a network has **learned** must change when it
# forgets. So they replace its weights by random ones, from the last layer down, and make the map again each time.
#
# `randomized` does that to copies of the network. Each layer's new weights have the mean and the spread of the old ones.

# %%
methods = {"Saliency": iv.saliency, "Deconvnet": iv.deconvnet, "Guided backprop": iv.guided_backprop}
layers = weighted_layers(model)  # from the logits down
looked_at = range(0, len(layers), len(layers) // 4)  # not all, to save time
counts, found = [0], {title: [method(model, image, first)] for title, method in methods.items()}
for number, (_, forgetful) in enumerate(randomized(model, layers, seed=seed)):
    if number in looked_at:
        counts.append(number + 1)
        for title, method in methods.items():
            found[title].append(method(forgetful, image, first))
print(f"{len(layers)} layers, from the last: {', '.join(layers)}")

# %% mystnb={"figure": {"caption": "The map of the same class as more and more layers are random, from the last one down. Guided backpropagation still draws the picture when the network has forgotten its classes, and even when half of it is random."}, "image": {"alt": "Two rows of four maps: clouds of dots that change at once, and line drawings of cat and cup that stay until all layers are random"}}
heatmaps(
    [
        Explained(f"{title}, {count} of {len(layers)} random", image, found[title][place][0], PIXELS)
        for title in ("Saliency", "Guided backprop")
        for place, count in enumerate(counts)
        if place in (0, 1, 3, 5)
    ],
    columns=4,
)

# %% mystnb={"figure": {"caption": "How alike the map stays to that of the trained network, by the number of layers that are random, counted from the last. Saliency changes at once. The two others hardly notice that the last layer is gone."}, "image": {"alt": "Three curves over the number of random layers: one falls at the first step, two stay near 1 and fall only later"}}
alike = {title: [float(rank_correlation(maps[0], one)) for one in maps] for title, maps in found.items()}
for title, values in alike.items():
    print(f"{title}: {values[1]:.4f} when the last layer alone is random")
lines(
    {title: (counts, values) for title, values in alike.items()},
    "Number of random layers, from the last",
    "Rank correlation with the trained map",
    markers=True,
)

# %% [markdown]
# With its last layer random the network knows no class at all. The map of guided backpropagation hardly changes. So it cannot have
# explained why the network said "cat".
#
# What does it show, then? On the way down all negative gradients are thrown away, at every ReLU. What is left is positive almost
# everywhere, and the logit decides little about where it goes. Which units were active, and the weights of the lower layers, decide.
# Those are lines and edges of the photograph. The map is closer to an edge detector than to an explanation.
#
# Saliency changes at once, but not into something wholly unlike: its values are never negative, and the lower layers are still those that
# were trained.
#
# Passing this check is necessary, not sufficient: a map of pure noise would pass.
#
# ## Change the figure
#
# The cell at the top holds the parameters.
#
# - Set `patch` to 28 and `stride` to 28: the occlusion map becomes finer, and its numbers smaller, since what one square hides is shown
#   beside it once more.
# - Set `patch` to 112 and `stride` to 56: the numbers grow, and the map says little more than "left" or "right".
# - Set `cover` to 0 or 1: black and white squares are other pictures. Where the map changes, it told of the square, not of what it hid.
# - Exchange `target` and `other`: occlusion turns to the other half. Guided backpropagation keeps all its lines; some become darker.
# - Set `target` to `"tabby"`: another cat has a map that is much the same. The evidence for one cat is evidence for another.
# - Set `seed` to 1, 2, ...: other random weights. Is the order of the three curves the same?
#
# ## Common misreadings
#
# - **"A dark pixel in the saliency map is important."** A small change of it would change the logit fast. Whether the logit needs it is
#   another question.
# - **"A pixel with no gradient does not matter."** The evidence may be there twice. If either would do, taking away a little of one changes
#   nothing.
# - **"The softmax or the logit, it is all the same."** The gradient of a probability also asks how to make all other classes weaker, and it
#   almost vanishes when the network is sure.
# - **"Sharp means right."** The sharpest maps of this lesson are those that change least when the network forgets.
# - **"Saliency passed the check, so it is right."** The check finds methods that are wrong. It does not find one that is right.
# - **"The map shows what the network thinks a cat is."** It shows one photograph, one class, one network.
#
# ## Limits
#
# One picture and two classes show how the methods work; they measure nothing. In particular, the two halves make a picture that no
# camera takes. Occlusion shows the network images it was never trained on, with grey squares. A gradient is a local answer. Rank correlation
# compares orders, and two maps that look alike to us may have a low one. And no map of pixels says **what** the network saw there: eyes, fur, or
# the colour of the wood.
#
# ## Quiz
#
# **1. How many passes through the network does an occlusion map of 7 x 7 squares take? And a saliency map?**
#
# <details><summary>Answer</summary>
#
# Occlusion: 49 forward passes and one for the image as it is. Saliency: one forward and one backward pass.
#
# </details>
#
# **2. Why does saliency take the absolute value, and gradient times input not?**
#
# <details><summary>Answer</summary>
#
# Saliency asks how much a pixel matters, whether it should be brighter or darker. Gradient times input shares the score out, and a
# share can count for the class or against it.
#
# </details>
#
# **3. A ReLU has input $x = -1$, and the gradient $g = 2$ arrives. What do the three rules pass down? And for $x = 3$, $g = -2$?**
#
# <details><summary>Answer</summary>
#
# For $x = -1$, $g = 2$: gradient 0, deconvnet 2, guided 0. For $x = 3$, $g = -2$: gradient $-2$, deconvnet 0, guided 0.
#
# </details>
#
# **4. A network is sure of its class, with a probability of 0.9999. What is wrong with the gradient of that probability?**
#
# <details><summary>Answer</summary>
#
# $\partial p_t / \partial S_t = p_t (1 - p_t) \approx 0.0001$. The gradient is tiny, and it mixes in the gradients of all other classes. The
# logit's is not affected.
#
# </details>
#
# **5. A classifier is linear: $S_t = w_t \cdot x + \beta_t$. What does its saliency map depend on?**
#
# <details><summary>Answer</summary>
#
# On $w_t$ alone. The map is the same for each image, since the gradient is. Only gradient times input and occlusion depend on the image.
#
# </details>
#
# **6. Your new method draws beautiful maps. The last layer is made random, and they stay as they are. What do you conclude?**
#
# <details><summary>Answer</summary>
#
# They do not depend on what the network knows of its classes, so they cannot explain its choice of a class. They may still show
# something else, such as edges, or what lower layers react to.
#
# </details>
#
# **7. A network has ReLUs, but no max pooling. You make deconvnet maps of one class for two images. How do they differ?**
#
# <details><summary>Answer</summary>
#
# They do not. The rule $g \cdot 1[g > 0]$ never looks at the activations, and convolutions pass a gradient in the same way whatever the image is.
# Only the switches of max pooling would carry something of the image.
#
# </details>
#
# **8. Why is it not enough to compare the maps by eye?**
#
# <details><summary>Answer</summary>
#
# A map that draws the object looks right to us, since we know where the object is. Our eye judges the drawing, not whether the network
# used those pixels. That needs a test that changes the network or the image.
#
# </details>
#
# ## Exercises
#
# The exercise notebook asks for six things. Warm-up: the largest value over the colours, and covering a square. Core: saliency from its
# equation, the ReLU rule of guided backpropagation, and occlusion. Open: how alike do the maps of saliency and of guided backpropagation stay
# when the last layer is random? Its crop and its random weights are those of your own course.
#
# ## Further reading
#
# - Simonyan et al. {cite}`simonyan2014deep`: read Sec. 3 for saliency, and for how it is related to the deconvnet.
# - Zeiler and Fergus {cite}`zeiler2014visualizing`: read it for the deconvnet and for occlusion.
# - Springenberg et al. {cite}`springenberg2015striving`: read it for the three rules side by side.
# - Adebayo et al. {cite}`adebayo2018sanity`: read it for the sanity checks, and for a second one, with random labels.
# - Selvaraju et al. {cite}`selvaraju2017gradcam`: read it for maps that do tell classes apart. That is lesson 6.
# - In this book: {doc}`/methods` and {doc}`/scorecard`.
