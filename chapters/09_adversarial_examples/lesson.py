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
# # 9. Adversarial examples
#
# A photograph is changed so little that nobody sees it, and the network names something else, with more confidence than before. How is
# such a change found? Why is so little enough? And what does it mean for the pictures and maps of the lessons before?

# %% [markdown]
# ## Learning goals
#
# After this lesson you can
#
# - write the fast gradient sign method (FGSM) and projected gradient descent (PGD) from their equations;
# - project a change onto the $L_\infty$ and the $L_2$ ball;
# - say what untargeted and targeted attacks, DeepFool, fooling images and transfer are;
# - explain why a network that is nearly linear can be fooled when its input has many values;
# - say what adversarial examples tell about explanations, and what they do not.
#
# ## Before you start
#
# You need lesson 2 (the gradient with respect to the image) and lesson 3 (gradient ascent on an image); for the section on
# explanations also lesson 6 (Grad-CAM). From PyTorch you need `torch.autograd.grad` and `cross_entropy`. Reading takes about 35
# minutes, the exercises about 45 more.
#
# One **level** is one of the 255 steps of an image file with 8 bits. Images here have values in [0, 1], so a level is 1/255.

# %% tags=["parameters"]
network = "googlenet"  # or "efficientnet_lite0", which needs no download
photograph = "skimage/chelsea"  # or skimage/coffee, skimage/rocket, skimage/astronaut
epsilon_levels = 2.0  # the most that a value may change, in levels of 255
steps = 10  # of the attacks that take several
targets = ["espresso", "fire engine", "flamingo"]  # classes that the photograph is led to, by name or number
seed = 0  # of all random numbers

# %%
# %matplotlib inline
import torch
from torch.nn.functional import cross_entropy, interpolate

import innerview as iv
from innerview.adversarial import Attack, Course, Towards, deepfool, distances, fooling_images
from innerview.adversarial import fgsm as library_fgsm
from innerview.adversarial import pgd as library_pgd
from innerview.core.images import square
from innerview.figures import Explained, bars, heatmaps, lines, panels
from innerview.figures.changes import amplified
from innerview.models import class_labels
from innerview.replicate.photos import photo

model = iv.load_model(network)
labels = class_labels(model)
epsilon = epsilon_levels / 255
image = square(photo(photograph), 224).clamp(0, 1)


def likely(images, judge=model):
    """Return the network's first class of each image, and its probability."""
    with torch.no_grad():
        return judge(images).softmax(dim=1).max(dim=1)


def said(picture):
    """Say in words what the network sees in one image."""
    probability, index = likely(picture)
    return f"{labels[int(index)].split(',')[0]} {float(probability):.0%}"


seen = likely(image).indices
print("the network sees", said(image))

# %% [markdown]
# ## One step: FGSM
#
# Training changes the weights so that the loss falls. An attack leaves the weights alone and changes the image so that the loss *rises*.
# Let $J(x, y)$ be the cross entropy of image $x$ for class $y$, here the class that the network sees. Its gradient with respect to
# the image says for each value whether it should become larger or smaller. Goodfellow, Shlens and Szegedy
# {cite}`goodfellow2015explaining` keep only this direction, and move every value by the same $\epsilon$:
#
# $$x' = x + \epsilon\, \mathrm{sign}\big(\nabla_x J(x, y)\big)$$
#
# This is the **fast gradient sign method** (Section 4 of the paper). What leaves [0, 1] is cut. In code it is four lines.

# %%
leaf = image.clone().requires_grad_()
loss = cross_entropy(model(leaf), seen)
(gradient,) = torch.autograd.grad(loss, leaf)
stepped = (image + epsilon * gradient.sign()).clamp(0, 1)

print(f"loss before {loss.item():.2f}, after {cross_entropy(model(stepped), seen).item():.2f}")
print(f"largest change: {255 * float((stepped - image).abs().max()):.2f} levels")
print("the library finds the same:", torch.allclose(stepped, library_fgsm(model, image, epsilon=epsilon).images))

# %% mystnb={"figure": {"caption": "The photograph, the change, and their sum, with what the network sees. The change is drawn many times enlarged, on grey; in the sum you do not see it."}, "image": {"alt": "A photograph, a square of coloured noise, and the photograph again"}}
change, times = amplified(image, stepped)
panels({said(image): image, f"Change, times {times}": change, said(stepped): stepped}, scale=2)

# %% [markdown]
# The noise is not random: each value has been asked. To see that, move each value by the same $\epsilon$, but up or down as a coin falls.

# %%
coins = torch.randint(2, image.shape, generator=torch.Generator().manual_seed(seed)) * 2.0 - 1
noisy = (image + epsilon * coins).clamp(0, 1)
print("random signs:", said(noisy), "| signs of the gradient:", said(stepped))

# %% [markdown]
# ## Why so little is enough
#
# The first explanations looked for something strange in deep networks: their depth, their curved boundaries. Goodfellow and colleagues say
# that the opposite suffices: **linear behaviour, and many inputs**. Take one linear unit with weights $w$. A change $d$ of its
# input changes its output by $w \cdot d$. Under the condition $|d_i| \leq \epsilon$ the best is $d = \epsilon\, \mathrm{sign}(w)$, which gives
#
# $$w \cdot d = \epsilon \sum_i |w_i| = \epsilon\, \|w\|_1 = \epsilon\, m\, n$$
#
# for $n$ inputs with weights of mean size $m$. The largest change of an input stays $\epsilon$, whatever $n$ is. The change of the
# output grows in proportion to $n$. Random signs mostly cancel: their sum has the standard deviation $\epsilon \|w\|_2$, which grows as
# $\sqrt{n}$ only.

# %% mystnb={"figure": {"caption": "By how much one level of change, one 255th, can move the output of a linear unit whose weights are drawn from a normal distribution. Both axes are logarithmic. Along the signs of the weights the effect grows with the number of inputs, for random signs with its root."}, "image": {"alt": "Two straight rising lines on logarithmic axes; the one along the weights is twice as steep"}}
counts = [10, 100, 1_000, 10_000, 100_000]
draws = torch.Generator().manual_seed(seed)
weights = [torch.randn(count, generator=draws) for count in counts]
along = [float(w.norm(p=1)) / 255 for w in weights]
chance = [float(w.norm(p=2)) / 255 for w in weights]
lines(
    {"along the signs of the weights": (counts, along), "random signs, standard deviation": (counts, chance)},
    "number of inputs",
    "change of the output",
    log="xy",
    markers=True,
)

# %% [markdown]
# A picture of 224 pixels has 150,528 values. So a linear unit that looks at all of it is moved by hundreds of times what random signs do.
#
# Is a deep network near enough to a linear unit? Between its ReLUs it is exactly linear, and it is built that way so that it can
# be trained. Look at one logit while the image walks along the sign of this logit's gradient, downwards. Were the network linear, the
# logit would follow the straight line $y_c - \alpha \|\nabla y_c\|_1$.

# %% mystnb={"figure": {"caption": "The logit of the class that is seen, along three ways: against the sign of its gradient, the straight line that the gradient promises, and random signs. At first the logit keeps close to the line; then it flattens. Random signs hardly move it."}, "image": {"alt": "A curve that falls steeply and flattens, a straight line beside it, and a nearly level line"}}
leaf = image.clone().requires_grad_()
logit = model(leaf)[0, seen[0]]
(slope,) = torch.autograd.grad(logit, leaf)
walk = [0, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.25, 1.5, 2]  # levels


def logit_along(direction):
    """Follow the logit while the image goes along a direction."""
    way = torch.cat([(image + level / 255 * direction).clamp(0, 1) for level in walk])
    with torch.no_grad():
        return model(way)[:, seen[0]].tolist()


promised = [logit.item() - level / 255 * float(slope.abs().sum()) for level in walk]
shown = [level for level, value in zip(walk, promised, strict=True) if value > logit.item() - 40]
lines(
    {
        "against the gradient": (walk, logit_along(-slope.sign())),
        "straight line": (shown, promised[: len(shown)]),
        "random signs": (walk, logit_along(coins)),
    },
    "change of each value, levels of 255",
    "logit",
    markers=True,
)

# %% [markdown]
# The straight line is a good guide at first, and soon promises too much. Is the way that it describes far enough to matter?

# %%
with torch.no_grad():
    along = [int(model((image - level / 255 * slope.sign()).clamp(0, 1)).argmax()) == int(seen) for level in walk]
print(
    "prediction kept:",
    ", ".join(f"{level:g} {'yes' if kept else 'no'}" for level, kept in zip(walk, along, strict=True)),
)
values = image.numel()
gain = float(slope.norm(p=1) / slope.norm(p=2))
print(
    f"{values} values; the gradient's sign is {gain:.0f} times as strong as chance, at most it could be {values**0.5:.0f} times"
)

# %% [markdown]
# For the cat it is: the prediction is lost while the curve is still close to its line.
#
# ## Two balls
#
# How large is a change $d = x' - x$? The maximum norm $\|d\|_\infty = \max_i |d_i|$ looks at the value that changed most. The Euclidean
# norm $\|d\|_2 = \sqrt{\sum_i d_i^2}$ adds up all of them. All images within $\epsilon$ of $x$ form a **ball**: under
# $L_\infty$ it is a box, under $L_2$ a sphere with its inside.
#
# Each norm has its own steepest direction. In the box every value may go to the edge on its own, so the best step is the *sign* of the
# gradient. In the sphere a large change of one value costs the others, so the best step goes along the gradient itself,
# $\epsilon\, \nabla J / \|\nabla J\|_2$.
#
# Who has left the ball is brought back to its nearest point. This is the **projection**:
#
# $$\Pi_\infty(d)_i = \min\big(\max(d_i, -\epsilon), \epsilon\big) \qquad \Pi_2(d) = d \cdot \min\Big(1, \frac{\epsilon}{\|d\|_2}\Big)$$
#
# An image must also stay in [0, 1]. Cutting to this range afterwards moves each value towards the original, so that the result lies in
# the ball still.


# %%
def project(changed, epsilon, norm):
    """Bring an image back into the ball around the photograph, and into [0, 1]."""
    d = changed - image
    d = d.clamp(-epsilon, epsilon) if norm == "linf" else d * min(1, epsilon / max(float(d.double().norm()), 1e-12))
    return (image + d).clamp(0, 1)


far = image + 0.1 * coins
for norm, radius in {"linf": epsilon, "l2": 1.0}.items():
    inside = project(far, radius, norm)
    print(f"{norm}: size {float(distances(image, far, norm)):.4f} -> {float(distances(image, inside, norm)):.4f}")

# %% [markdown]
# ## Many steps: PGD
#
# One long step trusts one gradient. The curve above shows where that trust ends. Smaller steps ask again on the way. After each, the image is
# projected back into the ball:
#
# $$x^{t+1} = \Pi\big(x^t + \alpha\, \mathrm{sign}(\nabla_x J(x^t, y))\big)$$
#
# Started at the photograph, this is the **basic iterative method** of Kurakin, Goodfellow and Bengio {cite}`kurakin2017physical`.
# Started at a random point of the ball, it is **projected gradient descent** (PGD) as Madry and colleagues use it {cite}`madry2018towards`. They try
# several random starts, find about the same loss from each, and take PGD for as strong an attack as gradients alone allow.


# %%
def attack(start, epsilon, norm="linf"):
    """Raise the loss in many steps; return the image, and the loss before each step."""
    changed, losses = start, []
    for _ in range(steps):
        leaf = changed.clone().requires_grad_()
        losses.append(cross_entropy(model(leaf), seen))
        (g,) = torch.autograd.grad(losses[-1], leaf)
        changed = project(
            changed + 2.5 * epsilon / steps * (g.sign() if norm == "linf" else g / g.norm()), epsilon, norm
        )
    return changed, [loss.item() for loss in losses]


random_start = project(image + epsilon * (2 * torch.rand(image.shape, generator=draws) - 1), epsilon, "linf")
iterated, losses = attack(image, epsilon)
others, other_losses = attack(random_start, epsilon)
print("from the photograph:", said(iterated), "| from a random start:", said(others))

# %% mystnb={"figure": {"caption": "The loss of the class that was seen, before each step. One step of FGSM with the same epsilon reaches the dashed line. Both starts lead to about the same loss."}, "image": {"alt": "Two rising curves that stay close together and end far above a dashed line"}}
curves = {"from the photograph": losses, "from a random start": other_losses}
lines(
    {name: (list(range(steps)), curve) for name, curve in curves.items()},
    "steps taken",
    "loss of the class, nats",
    reference={"one step of FGSM": cross_entropy(model(stepped), seen).item()},
    markers=True,
)

# %% [markdown]
# A loss of 10 nats means that the class has a probability of $e^{-10}$, 0.005 %. Under $L_2$ the same loop takes steps along the gradient.

# %% mystnb={"figure": {"caption": "The photograph after PGD in a box and in a sphere, and the changes, enlarged. In the box every value moves as far as it may, also in flat areas. In the sphere the change gathers where the gradient is large."}, "image": {"alt": "Two copies of the photograph that look alike, each followed by a pattern of noise; the second pattern is fainter and gathers around the eyes"}}
rounded, _ = attack(image, 1.0, "l2")
pictures = {}
for title, one in {f"Box, {epsilon_levels:g} levels": iterated, "Sphere, length 1": rounded}.items():
    change, times = amplified(image, one)
    pictures |= {f"{title}: {said(one)}": one, f"{title}: change, times {times}": change}
panels(pictures, columns=4, scale=1)

# %% [markdown]
# ## Towards a class
#
# So far the attack was **untargeted**: any other class would do, and most often it is a neighbour. A **targeted** attack lowers the
# loss of a class $t$ that you choose: the sign in front of the step turns, $x^t - \alpha\, \mathrm{sign}(\nabla_x J(x^t, t))$. Nothing else
# changes. It is the harder task, since the target may be far away. So the next cell, which uses the library, allows twice the
# $\epsilon$.

# %% mystnb={"figure": {"caption": "The same photograph, led to three classes, and what was added, enlarged. With GoogLeNet nothing in the changes looks like the class that it makes."}, "image": {"alt": "Three copies of the photograph with three different class names, above three patterns of noise"}}
led = library_pgd(
    model,
    image.expand(len(targets), -1, -1, -1),
    Towards(targets),
    Attack(2 * epsilon, steps=steps, step_size=5 * epsilon / steps, seed=seed),
)
above = {f"{number}. {said(one)}": one for number, one in enumerate(led.images.split(1), 1)}
changes = [amplified(image, one) for one in led.images.split(1)]
below = {f"Change {number}, times {factor}": drawn for number, (drawn, factor) in enumerate(changes, 1)}
panels(above | below, columns=len(targets), scale=1)

# %% [markdown]
# ## The shortest way: DeepFool
#
# PGD is given an $\epsilon$ and uses all of it. DeepFool {cite}`moosavi2016deepfool` asks for the *least* change. For a linear classifier of two
# classes, $f(x) = w \cdot x + b$, the nearest point of the boundary $f = 0$ is known: go $-f(x)\, w / \|w\|_2^2$. DeepFool takes the
# network as linear, computes this step for each other class $k$, with the difference of two logits for $f$, and goes the shortest:
#
# $$k = \arg\min_{c \neq y} \frac{|f_c - f_y|}{\|\nabla f_c - \nabla f_y\|_2}$$
#
# It repeats until the class changes. A few rounds do, which is one more sign of how nearly linear the network is.

# %%
short = deepfool(model, image, Course(classes=5))
print(f"{labels[int(short.before)]} -> {labels[int(short.after)]} after {int(short.steps)} rounds")
print(f"length {float(short.norms):.3f}; the photograph itself has length {float(image.norm()):.0f}")
print(f"largest change of a value: {255 * float(distances(image, short.images)):.2f} levels")

# %% [markdown]
# ## Pictures that show nothing
#
# The start need not be a photograph. Nguyen, Yosinski and Clune {cite}`nguyen2015deep` made **fooling images**: noise or patterns that mean nothing
# to us, and that a network names with high confidence. They used evolution, which needs no gradient, and gradient ascent. Here PGD
# starts from grey and from noise, within 16 levels.

# %% mystnb={"figure": {"caption": "Plain grey and noise before and after the ascent, and the probability of the class that was wanted. Grey gets a faint texture, and noise looks as before. With GoogLeNet the enlarged change of grey has curls that remind of a flamingo's neck."}, "image": {"alt": "Two grey squares and two squares of noise, each pair nearly alike, with a probability of nearly 0 before and nearly 1 after"}}
pictures = {}
for start in ("grey", "noise"):
    made = fooling_images(
        model, targets[-1], start=start, size=160, attack=Attack(16 / 255, 20, 2 / 255, seed=None), seed=seed
    )
    pictures[f"{start.capitalize()}: {targets[-1]} {float(made.before):.0%}"] = made.starts
    pictures[f"{start.capitalize()} changed: {targets[-1]} {float(made.confidences):.0%}"] = made.images
    pictures[f"{start.capitalize()}, change times 8"] = (0.5 + 8 * (made.images - made.starts)).clamp(0, 1)
panels(pictures, columns=3, scale=2)

# %% [markdown]
# A probability is computed among the known classes. There is no class "nothing", so one of them has to win.
#
# ## Examples that travel
#
# Szegedy and colleagues noted at once that an example made on one network often fools another, of another design or trained on other data
# {cite}`szegedy2014intriguing`. This is **transfer**. It makes attacks possible on a network whose weights nobody gives you. Below, examples
# are made on the network of this lesson. EfficientNet-Lite0 judges them as well (if it is the network itself, you see it once).

# %% mystnb={"figure": {"caption": "How sure each judge is of the class that it saw in the photograph, mean of four photographs, after attacks of 8 levels that were made on the network of this lesson. The maker is fooled by both attacks, and not by random signs. The other network loses confidence, too, though the changes were not made for it, but it keeps much more."}, "image": {"alt": "Bars, one row for each kind of image and one bar a judge: high for photograph and random signs, near zero after attacks for the maker, in between for the other network"}}
names = ("chelsea", "coffee", "rocket", "astronaut")
several = torch.cat([square(photo(f"skimage/{name}"), 224) for name in names]).clamp(0, 1)
signs = torch.randint(2, several.shape, generator=draws) * 2.0 - 1
shown = {
    "photograph": several,
    "random signs": (several + 8 / 255 * signs).clamp(0, 1),
    "FGSM": library_fgsm(model, several, epsilon=8 / 255).images,
    "PGD": library_pgd(model, several, attack=Attack(8 / 255, steps=5, step_size=4 / 255, seed=seed)).images,
}
judges = {network: model, "efficientnet_lite0": iv.load_model("efficientnet_lite0")}
kept = {}
for name, judge in judges.items():
    first = likely(several, judge).indices
    kept[name] = {
        title: float(judge(some).softmax(1).gather(1, first[:, None]).mean()) for title, some in shown.items()
    }
bars(kept, "probability of the class that was seen, mean of four photographs", xlim=(0, 1))

# %% [markdown]
# Four photographs are few. The page on adversarial examples, among {doc}`/methods`, measures transfer with more of them.
#
# ## What this means for explanations
#
# **The same gradient.** The saliency map of lesson 2 is the absolute value of a gradient with respect to the image. FGSM takes the
# sign of nearly the same one. So a saliency map says "changing here changes the answer", and the attack proves it right. It does not say
# that the object is there.
#
# **The same ascent.** Class images (lesson 3) and feature visualizations (lesson 4) raise a logit by changing pixels. So does a
# fooling image. What parts them is regularisation: without it the ascent finds what no eye can read.
#
# **A map explains an answer, also a wrong one.** Take the picture of lesson 6, half cat and half coffee, and lead it to another class. Grad-CAM
# of the cat and of the espresso stays on their own halves, though the network names neither any longer. Selvaraju and colleagues found the same
# {cite}`selvaraju2017gradcam`. And the new class has a map as well, which looks no less sensible than the others.

# %% mystnb={"figure": {"caption": "Grad-CAM of three classes before the attack, above, and after it, below. The third class is the one that the picture was led to. Each map is divided by its own maximum. Cat and espresso keep to their halves; with GoogLeNet the evidence for a flamingo is found on the cat."}, "image": {"alt": "Six heatmaps of a picture of a cat and a cup: for the cat on the left half, for espresso on the right, for flamingo on the cup before and on the cat after"}}
halves = [photo("skimage/chelsea")[..., 110:260], photo("skimage/coffee")[..., 150:350]]
both = torch.cat([interpolate(one, (224, 112), mode="bicubic", antialias=True) for one in halves], dim=-1).clamp(0, 1)
turned = library_pgd(
    model, both, Towards(targets[-1]), Attack(4 / 255, steps=steps, step_size=10 / steps / 255, seed=seed)
).images
print("before:", said(both), "| after:", said(turned))
maps = [
    Explained(f"{title}: {name}", some, iv.grad_cam(model, some, name)[0])
    for title, some in {"Before": both, "After": turned}.items()
    for name in ("Egyptian cat", "espresso", targets[-1])
]
heatmaps(maps, columns=3)

# %% [markdown]
# **Are they flaws, or features?** Ilyas and colleagues {cite}`ilyas2019bugs` argue that a network uses whatever predicts the class in its training data,
# also patterns that we do not see. An adversarial change then adds such a pattern. By this view an explanation that people find
# pleasing can be untrue to the network, which may use something else.
#
# ## Defences, in short
#
# Madry and colleagues train on PGD's examples in place of the photographs: the inner loop looks for the worst image in the ball, the outer loop
# lowers its loss. This is **adversarial training**. It costs as many times the training as PGD has steps, and some accuracy on clean
# photographs. Their network for CIFAR-10 keeps about 46 % accuracy against PGD with 8 levels (as reported). Many other defences only hid the gradient,
# and fell as soon as attackers went around that {cite}`athalye2018obfuscated`.
#
# ## Change the figure
#
# The cell at the top holds the parameters. Change one, run everything again, and look.
#
# - `epsilon_levels = 0.5`: half a level. FGSM and PGD still succeed, with an image that no file of 8 bits could hold.
# - `epsilon_levels = 16`: now you see the change. PGD's loss is higher, that of the one step is not, or hardly: it goes far beyond the region
#   where the gradient is right.
# - `steps = 3`: the curves of PGD end lower, and targets are missed.
# - `targets = ["tabby", "tiger cat", "Persian cat"]` with `epsilon_levels = 0.5`: other cats are reached with a quarter of the change, an
#   espresso is not.
# - `photograph = "skimage/coffee"`: the network is surer of this one, and needs a longer change. DeepFool's length tells how much longer.
# - `network = "efficientnet_lite0"`: a smaller and later network. It is no harder to fool.
#
# ## Common misreadings
#
# - **"The network sees noise."** The noise is the drawing of a change that was computed for this photograph and this network.
#   Random signs of the same size do next to nothing.
# - **"Adversarial examples lie in rare pockets."** Steps in many directions that agree with the gradient work, and from many starts. It
#   is a wide region, which random directions miss because there are so many of them.
# - **"They exist because networks are too nonlinear."** Linear behaviour suffices, as the section above shows.
# - **"The network withstands FGSM, so it is robust."** A failed attack shows nothing. A stronger attack, or one that is made to fit the
#   defence, may succeed.
# - **"99 % means that the network is sure, so it must have a reason."** The softmax compares classes with one another. It does not
#   measure whether the image looks like any of them.
# - **"A small epsilon is a small change of meaning, and a large one a large change."** Shift a photograph by one pixel: nothing has changed for us,
#   and its $L_2$ distance is far larger than any attack's.
#
# ## Limits
#
# - The balls are convenient, not a model of sight. Stickers, turns and lighting fool networks as well and lie in no small ball.
# - A result holds for the attack that was used. What no attack of a kind can do needs a proof, which exists for small networks only.
# - These attacks read gradients, so they need the weights. Transfer, or many queries, does without.
# - A change below half a level is lost when the image is saved as a file with 8 bits. `innerview attack --save` rounds within the ball and
#   says whether the file still fools.
#
# ## Quiz
#
# **1. Why does FGSM take the sign of the gradient, and not the gradient?**
#
# <details><summary>Answer</summary>
#
# Under $\|d\|_\infty \leq \epsilon$ each value may move by $\epsilon$ on its own. To first order the loss changes by $\sum_i d_i g_i$,
# which is largest if each $d_i$ has the sign of $g_i$ and the full size $\epsilon$. Values with a small gradient then help, too.
#
# </details>
#
# **2. A linear unit has 10,000 inputs and weights of mean absolute size 0.1. By how much can a change of one level move it? And with
# 40,000 inputs?**
#
# <details><summary>Answer</summary>
#
# $\epsilon\, m\, n = 0.1 \cdot 10{,}000 / 255 \approx 3.9$, and four times that, 15.7. Random signs would reach only twice as
# much with four times as many inputs.
#
# </details>
#
# **3. A change is $(0.3, -0.4)$, the radius 0.1. What does each projection give?**
#
# <details><summary>Answer</summary>
#
# $L_\infty$: each value is cut, $(0.1, -0.1)$. $L_2$: the length 0.5 becomes 0.1, so $(0.06, -0.08)$. The second keeps the
# direction, the first does not.
#
# </details>
#
# **4. PGD takes 10 steps of 1 level in a ball of 2 levels. How far can the result be from the photograph? Why more steps than needed to
# reach the border?**
#
# <details><summary>Answer</summary>
#
# 2 levels: the projection is around the photograph, not around the last step. The additional steps let values change sides, since the
# gradient at the new place may point elsewhere.
#
# </details>
#
# **5. What changes in the code if an untargeted attack is made a targeted one?**
#
# <details><summary>Answer</summary>
#
# The class in the loss becomes the target, and the sign of the step turns, since this loss has to fall.
#
# </details>
#
# **6. What tells a fooling image from a feature visualization of the same class?**
#
# <details><summary>Answer</summary>
#
# Both raise the class's score by gradient ascent. Feature visualization restricts what may change: frequencies in place of pixels, random
# shifts before each look. What survives that is readable for us, and other networks see it as well more often.
#
# </details>
#
# **7. After an attack, Grad-CAM of "flamingo" lies on the cat. Has Grad-CAM failed?**
#
# <details><summary>Answer</summary>
#
# No. It shows where the network finds its evidence for this class, and the change has put some there. It does not tell whether the
# evidence is good.
#
# </details>
#
# ## Exercises
#
# The exercise notebook has seven parts. To warm up, you measure a change in both norms and compute the gradient of the loss. The core
# is FGSM, the projection onto both balls, and PGD with and without a target. Then you find the smallest $\epsilon$ that fools
# EfficientNet-Lite0 on three cuts of a photograph, and measure how much stronger the gradient's sign is than chance.
#
# ## Further reading
#
# - {cite}`szegedy2014intriguing`: the first adversarial examples of deep networks, and the first transfer. Read Section 4.
# - {cite}`goodfellow2015explaining`: FGSM, and the argument from linearity in Sections 3 to 5.
# - {cite}`kurakin2017physical`: many steps, and examples that survive being printed and photographed.
# - {cite}`madry2018towards`: PGD, and training against it as a game of two. Section 5 has the experiments.
# - {cite}`moosavi2016deepfool`: the shortest change. {cite}`moosavi2017universal`: one change for most photographs.
# - {cite}`nguyen2015deep`: images that show nothing.
# - {cite}`ilyas2019bugs`: are adversarial examples flaws or features?
# - {cite}`athalye2018obfuscated`: how defences fail, and how to test one honestly.
# - {doc}`/methods`: all methods, with a page that measures these attacks. {doc}`/scorecard`: claims and measurements.
