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
# # 7. Weak supervision
#
# A label costs money. "There is a dog" takes a person a second; a box around the dog takes many times as long. So there are far more
# images with a label than images with a box. Can a network that was told only what a photograph shows find out where it is?

# %% [markdown]
# ## Learning goals
#
# After this lesson you can
#
# - tell incomplete, inexact and inaccurate supervision apart, and say what each does to a classifier;
# - turn a heatmap into a box, and measure the box by its intersection over union (IoU);
# - explain why a class activation map marks the most telling part of an object, not the object;
# - write down ACoL's two classifiers and what is erased between them;
# - say why methods for this task have to be compared at thresholds chosen for each of them.
#
# ## Before you start
#
# You need lesson 1 (activations, logits) and lesson 6 (CAM and Grad-CAM). From PyTorch you need broadcasting and boolean masks.
# Reading takes about 40 minutes, the exercises about 40 more.
#
# The cell below holds what you may change. The photographs' boxes were drawn by hand for this lesson.

# %% tags=["parameters"]
network = "googlenet"  # or "efficientnet_lite0", which needs no download
threshold = 0.2  # where a heatmap is cut, as a share of its maximum
contrast = 0.6  # of the second digit of each object, in (0, 1]; the first has 1
delta = 0.3  # features are erased where A's map, scaled to [0, 1], is at least this
epochs = 8  # how often the small networks see each image
seed = 0  # of the small networks' first weights

# %%
# %matplotlib inline
import torch
from scipy import ndimage
from sklearn.datasets import load_digits
from sklearn.semi_supervised import LabelSpreading
from torch import nn

import innerview as iv
from innerview.core.images import to_array
from innerview.core.maps import enlarged, unit_range
from innerview.figures import Arrow, Block, Marked, colored, diagram, lines, outlines
from innerview.localization import (
    Acol, AcolHeads, acol_loss, box_coverage, box_from_heatmap, composites, iou, marked, max_box_accuracy,
)  # fmt: skip
from innerview.replicate.photos import photo
from innerview.training import Adam, Cosine, TensorSamples, TrainingRecipe, accuracy, train

# %% [markdown]
# ## Three ways in which labels are weak
#
# *Strong* supervision gives each training example the very answer that the network shall give later. Zhou names three ways to fall
# short of it {cite}`zhou2018weakly`:
#
# | | what is missing | example | what helps |
# |---|---|---|---|
# | **incomplete** | most examples have no label | 50 labelled images, 5000 without | a person who labels the most useful ones; examples without a label, if near ones belong together |
# | **inexact** | the label is coarser than the answer | "dog", where a box is wanted | models that find the place themselves: the subject of this lesson |
# | **inaccurate** | some labels are wrong | tags from web pages, tired annotators | several labels an example and a vote; losses that trust no label fully |
#
# Often all three come together. We look at the first and the last for a moment, with scikit-learn's digits of 8 x 8 pixels.
#
# When most labels are missing, the digits without a label still help. Label spreading connects each digit with all others, the more
# strongly the more alike their pixels are, and lets the known labels run along these connections. A digit without a label is a
# stepping stone on the way.

# %%
pixels, digits = load_digits(return_X_y=True)
X, y = torch.tensor(pixels / 16), torch.tensor(digits)
order = torch.randperm(len(y), generator=torch.Generator().manual_seed(0))
X, y, X_test, y_test = X[order[:900]], y[order[:900]], X[order[900:]], y[order[900:]]


def spread_accuracy(count, others):
    """Let the first labels spread, with or without the digits that have none, and judge."""
    labels = torch.where(torch.arange(len(y)) < count, y, -1)
    used = len(y) if others else count
    model = LabelSpreading(kernel="rbf", gamma=8).fit(X[:used], labels[:used])
    return float((torch.tensor(model.predict(X_test)) == y_test).double().mean())


# %% mystnb={"figure": {"caption": "Incomplete: right test digits over the number of labelled ones. With few labels the digits without one help most."}, "image": {"alt": "Two rising curves; the one that uses unlabelled digits lies above where there are few labels"}}
counts = [10, 20, 40, 80, 160, 320, 640]
lines(
    {
        "The labelled digits alone": (counts, [spread_accuracy(count, others=False) for count in counts]),
        "All digits, labels spread": (counts, [spread_accuracy(count, others=True) for count in counts]),
    },
    "Labelled digits",
    "Share of right test digits",
    log="x",
    markers=True,
)

# %% [markdown]
# Wrong labels come in two kinds. If they are wrong at random, the errors cancel, and the right label remains the
# most frequent one for each shape. If they are wrong always in the same way (here each wrong label is one too high), nothing
# cancels: beyond one half, the wrong answer is the lesson. A linear classifier $W$ is fitted to labels $Y$, each a row with one 1, by
# least squares:
#
# $$W = (X^\top X + \lambda I)^{-1} X^\top Y$$


# %%
def linear_accuracy(x, labels):
    """Fit a linear classifier and return how often it is right on the test digits."""
    one_hot = nn.functional.one_hot(labels, 10).double()
    weights = torch.linalg.solve(x.T @ x + torch.eye(64), x.T @ one_hot)
    return float(((X_test @ weights).argmax(1) == y_test).double().mean())


# %% mystnb={"figure": {"caption": "Inaccurate: right test digits over the share of wrong training labels. Random errors are forgiven for long; a systematic one is learned as soon as it is the majority."}, "image": {"alt": "Two falling curves; that of random errors falls late, that of systematic errors drops steeply at one half"}}
shares = [step / 10 for step in range(9)]
random = torch.Generator().manual_seed(seed)
draw, other = torch.rand(len(y), generator=random), torch.randint(1, 10, (len(y),), generator=random)
lines(
    {
        "Wrong at random": (shares, [linear_accuracy(X, torch.where(draw < s, (y + other) % 10, y)) for s in shares]),
        "Always one too high": (shares, [linear_accuracy(X, torch.where(draw < s, (y + 1) % 10, y)) for s in shares]),
    },
    "Share of wrong labels",
    "Share of right test digits",
    markers=True,
)

# %% [markdown]
# ## From a label to a box
#
# Now the inexact kind. The network has learned from labels alone. Its heatmap says where the evidence for a class lies; lesson 6
# made one by Grad-CAM. For a box, three steps follow:
#
# 1. **Cut.** Mark the pixels whose value is larger than a share $\tau$ of the largest: $m_{ij} = [\,h_{ij} > \tau \max h\,]$.
# 2. **Largest component.** Marked pixels that touch, at a side or a corner, belong together. Keep the group of most pixels.
# 3. **Box.** Take the smallest and the largest row and column of that group.

# %%
layer = {"googlenet": "inception_5b", "efficientnet_lite0": "relu1"}[network]  # the last with positions
model = iv.load_model(network)
cup, cat = photo("skimage/coffee", 320), photo("skimage/chelsea", 320)
shuttle = photo("skimage/astronaut", 320)
shown = {"cup": (cup, 967), "shuttle": (shuttle, 812), "cat": (cat, 285)}  # ImageNet's classes
by_hand = {"cup": [91.0, 8, 224, 168], "shuttle": [220.0, 0, 297, 178], "cat": [0.0, 0, 304, 213]}  # x0, y0, x1, y1
heat = {name: iv.grad_cam(model, image, index, layer) for name, (image, index) in shown.items()}
large = {name: enlarged(heat[name], tuple(shown[name][0].shape[-2:]))[0] for name in shown}

h = large["cup"]
mask = h > threshold * h.max()
labels, count = ndimage.label(mask.numpy(), structure=torch.ones(3, 3))
sizes = torch.bincount(torch.tensor(labels).flatten())[1:]
largest = torch.tensor(labels) == sizes.argmax() + 1
rows, columns = torch.nonzero(largest, as_tuple=True)
box = torch.stack([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])
print(f"{count} component(s) of {sizes.tolist()} pixels; box x0, y0, x1, y1 = {box.tolist()}")
print("the library's:", box_from_heatmap(h[None], threshold)[0].tolist())

# %% mystnb={"figure": {"caption": "From a heatmap to a box: the photograph, Grad-CAM of the class espresso, the largest component above the threshold, and the box around it."}, "image": {"alt": "Four pictures of a coffee cup: plain, under a heatmap, with an outlined region, and with a box"}}
outlines(
    [
        Marked("Photograph", cup),
        Marked("Heatmap", colored(cup, heat["cup"][0])),
        Marked("Cut", cup, masks={"Largest component": largest}),
        Marked("Box", cup, boxes={"Box from the heatmap": box[None]}),
    ],
    columns=4,
)

# %% [markdown]
# ## How right is a box?
#
# Two boxes agree as much as they share, measured by what they cover together:
#
# $$\mathrm{IoU}(B, T) = \frac{|B \cap T|}{|B \cup T|}$$
#
# It is 1 for equal boxes and 0 for boxes that do not meet. Too large a box and too small a box both lose. By custom a box counts as
# right from an IoU of one half on.

# %%
b, t = box.tolist(), by_hand["cup"]
width = max(0, min(b[2], t[2]) - max(b[0], t[0]))
height = max(0, min(b[3], t[3]) - max(b[1], t[1]))
both = width * height
either = (b[2] - b[0]) * (b[3] - b[1]) + (t[2] - t[0]) * (t[3] - t[1]) - both
print(
    f"IoU of the cup's box: {both / either:.2f}, by the library {float(iou(box[None].float(), torch.tensor([t]))):.2f}"
)

# %% tags=["gallery"] mystnb={"figure": {"caption": "Boxes by hand and boxes from the heatmaps. With GoogLeNet the map of the shuttle lies on the shuttle, though it has only ever been told the name."}, "image": {"alt": "Coffee cup, astronaut with a space shuttle behind her, and cat, each with a box by hand and a box from the heatmap"}}
found = {name: box_from_heatmap(large[name][None], threshold) for name in shown}
outlines(
    [
        Marked(
            f"{name}, IoU {float(iou(found[name], torch.tensor([by_hand[name]]))):.2f}",
            colored(shown[name][0], heat[name][0]),
            boxes={"By hand": torch.tensor([by_hand[name]]), "From the heatmap": found[name]},
        )
        for name in shown
    ],
    columns=3,
)

# %% mystnb={"figure": {"caption": "IoU over the threshold, one curve for each photograph. No threshold is best for all."}, "image": {"alt": "Three curves of the IoU over the threshold with peaks at different thresholds"}}
cuts = [step / 50 for step in range(48)]
lines(
    {
        name: (
            cuts,
            [float(iou(box_from_heatmap(large[name][None], cut), torch.tensor([by_hand[name]]))) for cut in cuts],
        )
        for name in shown
    },
    "Threshold, share of the maximum",
    "IoU with the box by hand",
    reference={"Counts as right": 0.5},
)

# %% [markdown]
# The threshold is a choice, and a strong one. Whoever picks it by looking at boxes has used boxes. That is no longer weak supervision.
#
# ## Only the most telling part
#
# A classifier has no reason to look at the whole object. If one part tells the class, the loss is small, and nothing makes the
# network look further. Its map then covers that part. The effect shows best where the parts are known, so here is a small
# world: each object is two digits side by side, one bright and one faint, on a coloured ground. Either digit tells the class. The
# true box goes around both.

# %%
size, classes = 48, 5
training = composites(600, size=size, classes=classes, parts=(1.0, contrast), digits="training", seed=1)
test = composites(100, size=size, classes=classes, parts=(1.0, contrast), digits="test", seed=2)
print(f"{len(training)} images to learn from, {len(test)} of other writers' digits to look at")

# %% mystnb={"figure": {"caption": "Six objects with their true boxes: the first digit is bright, the second faint. The label names the object, as in 'this is a 3 followed by an 8'; no box is used in training."}, "image": {"alt": "Six small pictures of two digits side by side with boxes around both"}}
outlines(
    [
        Marked(f"class {int(test.labels[i])}", test.images[i : i + 1], boxes={"True box": test.boxes[i : i + 1]})
        for i in range(6)
    ],
    columns=6,
    scale=4,
)

# %% [markdown]
# The network is small: three convolutions make features, and a *branch* of three more ends in one map for each class. The mean of a
# map over its $Z$ positions is the logit of its class:
#
# $$y^c = \frac{1}{Z} \sum_{i,j} M^c_{ij}$$
#
# So the map is there in the forward pass. It is CAM with the two sums in the other order, up to a constant (lesson 6). `delta=None`
# below means: one branch, nothing erased.

# %%
torch.manual_seed(seed)
backbone = nn.Sequential()
for inputs, outputs, stride in ((3, 16, 2), (16, 32, 2), (32, 32, 1)):
    backbone.append(nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False))
    backbone.extend([nn.BatchNorm2d(outputs), nn.ReLU()])
plain = Acol(backbone, AcolHeads(32, classes, width=24, delta=None, seed=seed))
recipe = TrainingRecipe(epochs=epochs, batch=20, optimizer=Adam(5e-3), schedule=Cosine(0.1))
plain = train(plain, TensorSamples((training.images, training.labels)), acol_loss, recipe).model
print(f"right classes on the test images: {accuracy(plain, test.images, test.labels):.0%}")

# %% [markdown]
# The class is known. Now the maps of the true classes, scaled to [0, 1]:

# %%
with torch.no_grad():
    features, seen = plain.backbone(test.images).clone(), plain.backbone(training.images).clone()
    map_plain = plain.heads.maps(features, test.labels).a
first, last = test.boxes.clone(), test.boxes.clone()
middle = (test.boxes[:, 0] + test.boxes[:, 2]) / 2
first[:, 2], last[:, 0] = middle, middle  # the box around the first digit, and that around the second
marks = marked(enlarged(map_plain, (size, size)), 0.5)
on_first, on_second = (box_coverage(marks, list(boxes[:, None]))[0] for boxes in (first, last))
print(f"above half of the map's range: {float(on_first.mean()):.0%} of the first digit's box")
print(f"                               {float(on_second.mean()):.0%} of the second digit's box")

# %% [markdown]
# ## ACoL: look at the rest, too
#
# Zhang et al. let a second classifier B learn from what the first, A, leaves {cite}`zhang2018acol`. Both sit on the same features $F$.
# A's map of the true class is scaled to [0, 1], and the features are erased where it is at least $\delta$:
#
# $$\bar M_A = \frac{M_A - \min M_A}{\max M_A - \min M_A}, \qquad
# F^{erased}_{kij} = F_{kij} \, [\,\bar M_{A,ij} < \delta\,]$$
#
# B has to tell the class from $F^{erased}$, so it has to find other evidence. Each classifier has its own cross-entropy, and the sum
# of both is minimised. No gradient passes through the erasing. In the end the maps are fused:
#
# $$M_{fused} = \max(\bar M_A, \bar M_B)$$

# %% mystnb={"figure": {"caption": "ACoL. A sees all features, B sees them without the places where A's map is strong."}, "image": {"alt": "Diagram: image, features, then classifier A with its map; the map leads to the erasing in front of classifier B; both maps lead to the fused map"}}
diagram(
    [
        Block("image", 0, 0.5, "Image"),
        Block("features", 1, 0.5, "Features"),
        Block("erase", 2, 1, "Erase", f"where A\n≥ {delta}", 1),
        Block("A", 3, 0, "Classifier A", "", 0),
        Block("B", 3, 1, "Classifier B", "", 1),
        Block("map A", 4, 0, "Map A", "its mean is\nthe logit", 0),
        Block("map B", 4, 1, "Map B", "its mean is\nthe logit", 1),
        Block("fused", 5, 0.5, "Fused map", "the larger\nof both", 2),
    ],
    [
        Arrow("image", "features"), Arrow("features", "A"), Arrow("features", "erase"), Arrow("erase", "B"),
        Arrow("A", "map A"), Arrow("B", "map B"), Arrow("map A", "erase"), Arrow("map A", "fused"),
        Arrow("map B", "fused"),
    ],
)  # fmt: skip

# %% [markdown]
# The features stay as they are here; only the two classifiers are trained, on features computed once. In code the erasing is three
# lines, and the library does the same:

# %%
heads = AcolHeads(32, classes, width=24, delta=delta, seed=seed)
heads = train(heads, TensorSamples((seen, training.labels)), acol_loss, recipe).model
with torch.no_grad():
    maps = heads.maps(features, test.labels)
low, high = maps.a.amin((1, 2), keepdim=True), maps.a.amax((1, 2), keepdim=True)
kept = (maps.a - low) / (high - low) < delta
erased = features * kept[:, None]
print("as the library erases:", torch.equal(erased, heads.erased(features, maps.a)))
print(f"A is right on {accuracy(heads, features, test.labels):.0%} of the test images")

# %% mystnb={"figure": {"caption": "Five objects in columns, those where the plain map covers the first digit most and the second least. From top to bottom: A's map with the true box, the positions that are left for B, B's map, and the fused map. A marks the bright digit. B, from whose view it was taken, finds the second digit in some, and marks the ground in others."}, "image": {"alt": "Rows of small pictures with heatmaps: A on the first digit, holes there, B on the second digit or on the ground, and both together"}}
few = (on_first - on_second).topk(5).indices.tolist()  # where the map covers the first digit alone
left = [test.images[i] * enlarged(kept[i : i + 1].float(), (size, size))[0].round() for i in few]
rows = {
    "A": [colored(test.images[i : i + 1], unit_range(maps.a)[i]) for i in few],
    "Left for B": [to_array(image[None])[0] for image in left],
    "B": [colored(test.images[i : i + 1], unit_range(maps.b)[i]) for i in few],
    "Fused": [colored(test.images[i : i + 1], maps.fused[i]) for i in few],
}
outlines(
    [
        Marked(name if i == few[0] else " ", picture, boxes={"True box": test.boxes[i : i + 1]})
        for name, pictures in rows.items()
        for i, picture in zip(few, pictures, strict=True)
    ],
    columns=5,
    scale=4,
)

# %% [markdown]
# Does it help? Two measures. *Recall*: how much of the true box lies above a threshold. *Precision*: how much of what lies above the
# threshold is inside the true box.

# %%
kinds = {"A": enlarged(maps.a, (size, size)), "fused": enlarged(maps.fused, (size, size))}
for name, one in kinds.items():
    recall, precision = box_coverage(marked(one, 0.5), test.truth)
    print(f"{name:6s} recall {float(recall.mean()):.2f}, precision {float(precision.mean()):.2f} at half of the range")

# %% [markdown]
# With the settings above the fused map covers more of the object. It also marks more beside it: B must find something, and sometimes
# it finds the ground. What counts in the end are right boxes, and these depend on the threshold:

# %% mystnb={"figure": {"caption": "Right boxes (IoU of one half or more) over the threshold, for A's map and for the fused map. The fused map is high in more places, so it needs a higher cut. Compare the peaks, not the values at one threshold."}, "image": {"alt": "Two humps of the share of right boxes over the threshold; the fused map's lies further right"}}
judged = {name: max_box_accuracy(one, test.truth, steps=20) for name, one in kinds.items()}
lines(
    {name: (one.thresholds.tolist(), (one.overlaps >= 0.5).double().mean(0).tolist()) for name, one in judged.items()},
    "Threshold, share of the map's range",
    "Share of right boxes",
)

# %%
for name, one in judged.items():
    shares = (one.overlaps >= 0.5).double().mean(0)
    at = int((one.thresholds - threshold).abs().argmin())
    print(
        f"{name:6s} {float(shares[at]):.0%} right at {threshold}, {float(shares.max()):.0%} at its best threshold {float(one.thresholds[shares.argmax()]):.2f}"
    )

# %% [markdown]
# ## What the paper says, and what came after
#
# As reported, ACoL lowers the top-1 localization error of GoogLeNet on ImageNet (the share of photographs whose class or box is wrong)
# from 56.4 % to 53.3 %. Two years later Choe et al. compared methods anew {cite}`choe2020evaluating`. They argue that a
# fixed threshold compares how maps are spread, and that settings had been chosen with the help of boxes. With a threshold for each method, chosen on separate
# photographs, ACoL was 2.6 points worse than CAM for VGG-16, 1.4 worse for ResNet-50 and 0.3 better for InceptionV3, as reported. The idea does what it
# says: B looks elsewhere. Whether elsewhere is the object, nobody told it.

# %% [markdown]
# ## Change the figure
#
# The cell of parameters at the top decides what you see. Change a value and run all cells.
#
# - Set `threshold` to 0.5: the boxes from the heatmaps shrink to the hottest part, and too small a box has a low IoU.
# - Set `contrast` to 1.0: both digits are equally bright. A has no reason to prefer the first, and its map may cover either or both.
#   Look at the two printed shares.
# - Set `contrast` to 0.4 or less: the second digit is hardly there. B is asked for evidence that it can hardly find, and marks the rim
#   of the first digit, or ground.
# - Set `delta` to 0.9: hardly anything is erased, and B sees nearly what A sees. Both curves of the right boxes come near
#   each other.
# - Set `delta` to 0.1: so much is erased that B has little left to learn from.
# - Set `seed` to 1: another small network, other maps. Do your conclusions stay?
#
# ## Common misreadings
#
# - **"The heatmap is a segmentation."** It marks evidence for a class. A part that does not help to tell the class stays dark, and
#   ground that comes with the class (rails under a train) lights up.
# - **"A high IoU shows that the map is good."** A box around the whole picture has an IoU of at least one half with every object that
#   fills half of it. The cat above is such an object. Compare with a box in the middle before you praise a map.
# - **"B's accuracy shows that it found more of the object."** The hole in the features has the shape of what A saw. B may read
#   the class from the hole.
# - **"The fused map covers more, so it is better."** Any map covers more when it is cut lower. Look at precision, too.
# - **"No boxes were used."** Not in training. But the threshold, $\delta$ and the number of epochs were often chosen by boxes.
#
# ## Limits
#
# - The small world here was built so that one part tells the class. In photographs it may take the whole object, and then there is
#   less for B to find.
# - Maps are coarse: a position of the features stands for several pixels in each direction, so boxes are off by as much.
# - One object a picture. With two of a kind, the largest component is one of them, or a bridge between both.
# - 100 test images: the shares above are uncertain by several points. One small network says little; try other seeds.
# - Here A and B share features that do not learn from B. In the paper the whole network is trained.

# %% [markdown]
# ## Quiz
#
# **1. A web shop has photographs with the tag "shirt", and wants outlines of the shirts. Some tags are wrong. Which kinds of weakness
# are these?**
#
# <details><summary>Answer</summary>
#
# Inexact (a tag where an outline is wanted) and inaccurate (some tags are wrong). If some photographs have no tag, it is
# incomplete, too.
#
# </details>
#
# **2. A box covers exactly the left half of the true box. What is the IoU? And if it is exactly the true box's double, to the right?**
#
# <details><summary>Answer</summary>
#
# One half in both cases. Left half: the intersection is half of the true area, the union is the true area. Double: the intersection is
# the true area $a$, the union $2a$.
#
# </details>
#
# **3. Why is the largest component taken, not everything above the threshold?**
#
# <details><summary>Answer</summary>
#
# A single bright pixel in a far corner would stretch the box over the whole picture. Taking one component makes the box insensitive to
# small spots elsewhere. The price: if the object falls apart into several components, only one is boxed.
#
# </details>
#
# **4. You add 5 to all values of A's map, or multiply them by 3. What changes in ACoL's erasing?**
#
# <details><summary>Answer</summary>
#
# Nothing: the map is scaled by its own smallest and largest value before it is cut at $\delta$.
#
# </details>
#
# **5. B could be made to see nothing at all, by a very small $\delta$. Why does its loss not simply force A to leave more?**
#
# <details><summary>Answer</summary>
#
# The erasing is a comparison, and no gradient passes through it. B's loss cannot tell A how to change its map. In the paper it reaches
# the shared features, but not by way of the mask.
#
# </details>
#
# **6. Two methods are compared at the threshold 0.2. Method 1 has smooth maps, method 2 has peaked ones. Is that fair?**
#
# <details><summary>Answer</summary>
#
# No. A smooth map is above 0.2 in more places, so its boxes are larger, whatever the map knows about the object. Choose a threshold for
# each method, on images that are not those of the test.
#
# </details>

# %% [markdown]
# ## Exercises
#
# The exercise notebook has five parts. *Warm-up*: the IoU of pairs of boxes. *Core*: a box from a heatmap, ACoL's erasing, and the
# fused map, each from its equation. *Open*: maps of a head and a body, drawn by the computer; measure how much fusing wins at a fixed
# threshold and at tuned ones.
#
# ## Further reading
#
# - {cite}`zhou2018weakly`: the three kinds of weak supervision and the ideas that answer each, in ten pages.
# - {cite}`zhou2016cam`: class activation maps, and the first boxes from them.
# - {cite}`zhang2018acol`: the two classifiers; read Sec. 3.1 for the proof that the map is CAM.
# - {cite}`singh2017hide`: hide squares of the picture itself; simpler, with the same aim.
# - {cite}`choe2020evaluating`: how to compare such methods without fooling oneself.
# - The book repeats ACoL on photographs: see {doc}`/methods` for all pages, and {doc}`/scorecard` for what was measured.
