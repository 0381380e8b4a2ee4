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
# Typical wrong answers to exercise 9. `innerview course check 9` tries them out.


# %% wrong="no absolute value" of="sizes" loses=1 hint="absolute values first"
def sizes(images, changed):
    moved = (changed - images).flatten(1)
    return torch.stack([moved.amax(1), moved.square().sum(1).sqrt()], dim=1)


# %% wrong="no root" of="sizes" loses=1 hint="the root is missing"
def sizes(images, changed):
    moved = (changed - images).flatten(1)
    return torch.stack([moved.abs().amax(1), moved.square().sum(1)], dim=1)


# %% wrong="over the whole batch" of="sizes" loses=2 hint="a size of its own"
def sizes(images, changed):
    moved = changed - images
    return torch.stack([moved.abs().max(), moved.norm()]).expand(len(images), 2)


# %% wrong="mean over the batch" of="loss_gradient" loses=2 hint="sum their losses"
def loss_gradient(model, images, classes):
    leaf = images.detach().clone().requires_grad_()
    return torch.autograd.grad(functional.cross_entropy(model(leaf), classes), leaf)[0]


# %% wrong="gradient of the logit" of="loss_gradient" loses=2 hint="of the logit, not of the loss"
def loss_gradient(model, images, classes):
    leaf = images.detach().clone().requires_grad_()
    logits = model(leaf)[torch.arange(len(images)), classes]
    return torch.autograd.grad(logits.sum(), leaf)[0]


# %% wrong="softmax before cross_entropy" of="loss_gradient" loses=2 hint="softmax is taken twice"
def loss_gradient(model, images, classes):
    leaf = images.detach().clone().requires_grad_()
    loss = functional.cross_entropy(model(leaf).softmax(1), classes, reduction="sum")
    return torch.autograd.grad(loss, leaf)[0]


# %% wrong="asks the given images for gradients" of="loss_gradient" loses=2 hint=""
def loss_gradient(model, images, classes):
    images.requires_grad_()
    loss = functional.cross_entropy(model(images), classes, reduction="sum")
    return torch.autograd.grad(loss, images)[0]


# %% wrong="down instead of up" of="fgsm" loses=4 hint="the step goes down"
def fgsm(model, images, classes, epsilon):
    return (images - epsilon * loss_gradient(model, images, classes).sign()).clamp(0, 1)


# %% wrong="no sign" of="fgsm" loses=4 hint="the sign of the gradient is missing"
def fgsm(model, images, classes, epsilon):
    return (images + epsilon * loss_gradient(model, images, classes)).clamp(0, 1)


# %% wrong="not clipped" of="fgsm" loses=1 hint="values leave [0, 1]: clip"
def fgsm(model, images, classes, epsilon):
    return images + epsilon * loss_gradient(model, images, classes).sign()


# %% wrong="the step of the Euclidean norm" of="fgsm" loses=4 hint="the step under L2"
def fgsm(model, images, classes, epsilon):
    gradient = loss_gradient(model, images, classes)
    step = gradient / gradient.flatten(1).norm(dim=1)[:, None, None, None]
    return (images + epsilon * step).clamp(0, 1)


# %% wrong="lowers the logit" of="fgsm" loses=4 hint="only the class's logit is lowered"
def fgsm(model, images, classes, epsilon):
    leaf = images.clone().requires_grad_()
    logits = model(leaf).gather(1, classes[:, None]).sum()
    (gradient,) = torch.autograd.grad(logits, leaf)
    return (images - epsilon * gradient.sign()).clamp(0, 1)


# %% wrong="divides by 255" of="fgsm" loses=4 hint="why divide it by 255"
def fgsm(model, images, classes, epsilon):
    return (images + epsilon / 255 * loss_gradient(model, images, classes).sign()).clamp(0, 1)


# %% wrong="the step without the image" of="fgsm" loses=4 hint="add it to the image"
def fgsm(model, images, classes, epsilon):
    return epsilon * loss_gradient(model, images, classes).sign()


# %% wrong="changes the given images" of="fgsm" loses=1 hint="your function changed it"
def fgsm(model, images, classes, epsilon):
    images += epsilon * loss_gradient(model, images, classes).sign()
    return images.clamp_(0, 1)


# %% wrong="clipped before the step" of="fgsm" loses=1 hint="clipped before the step"
def fgsm(model, images, classes, epsilon):
    step = epsilon * loss_gradient(model, images, classes).sign()
    return images.clamp(epsilon, 1 - epsilon) + step


# %% wrong="keeps the graph" of="fgsm" loses=1 hint="requires_grad"
def fgsm(model, images, classes, epsilon):
    leaf = images.clone().requires_grad_()
    loss = functional.cross_entropy(model(leaf), classes, reduction="sum")
    loss.backward()
    return (leaf + epsilon * leaf.grad.sign()).clamp(0, 1)


# %% wrong="the image is clipped, not its change" of="project" loses=4 hint="clip its change"
def project(changed, images, epsilon, norm):
    if norm == "linf":
        return changed.clamp(-epsilon, epsilon).clamp(0, 1)
    lengths = changed.flatten(1).norm(dim=1)[:, None, None, None]
    return (changed * (epsilon / lengths).clamp(max=1)).clamp(0, 1)


# %% wrong="range forgotten" of="project" loses=1 hint="values leave [0, 1]"
def project(changed, images, epsilon, norm):
    change = changed - images
    if norm == "linf":
        return images + change.clamp(-epsilon, epsilon)
    lengths = change.flatten(1).norm(dim=1).clamp(min=1e-12)[:, None, None, None]
    return images + change * (epsilon / lengths).clamp(max=1)


# %% wrong="always to the border" of="project" loses=2 hint="also one that is shorter"
def project(changed, images, epsilon, norm):
    change = changed - images
    if norm == "linf":
        return (images + change.clamp(-epsilon, epsilon)).clamp(0, 1)
    lengths = change.flatten(1).norm(dim=1).clamp(min=1e-12)[:, None, None, None]
    return (images + change * epsilon / lengths).clamp(0, 1)


# %% wrong="the length of the whole batch" of="project" loses=3 hint="that of the whole batch"
def project(changed, images, epsilon, norm):
    change = changed - images
    if norm == "linf":
        return (images + change.clamp(-epsilon, epsilon)).clamp(0, 1)
    return (images + change * (epsilon / change.norm().clamp(min=1e-12)).clamp(max=1)).clamp(0, 1)


# %% wrong="the box for both norms" of="project" loses=3 hint="each value is clipped, as under linf"
def project(changed, images, epsilon, norm):
    return torch.maximum(torch.minimum(changed, images + epsilon), images - epsilon).clamp(0, 1)


# %% wrong="length over the colours alone" of="project" loses=3 hint="over the colours alone"
def project(changed, images, epsilon, norm):
    change = changed - images
    if norm == "linf":
        return (images + change.clamp(-epsilon, epsilon)).clamp(0, 1)
    lengths = change.norm(dim=1, keepdim=True).clamp(min=1e-12)
    return (images + change * (epsilon / lengths).clamp(max=1)).clamp(0, 1)


# %% wrong="squared length" of="project" loses=3 hint="the length is squared"
def project(changed, images, epsilon, norm):
    change = changed - images
    if norm == "linf":
        return (images + change.clamp(-epsilon, epsilon)).clamp(0, 1)
    lengths = change.square().flatten(1).sum(1).clamp(min=1e-12)[:, None, None, None]
    return (images + change * (epsilon / lengths).clamp(max=1)).clamp(0, 1)


# %% wrong="clipped first" of="project" loses=1 hint="clip last"
def project(changed, images, epsilon, norm):
    change = changed.clamp(0, 1) - images
    if norm == "linf":
        return images + change.clamp(-epsilon, epsilon)
    lengths = change.flatten(1).norm(dim=1).clamp(min=1e-12)[:, None, None, None]
    return images + change * (epsilon / lengths).clamp(max=1)


# %% wrong="divides by zero" of="project" loses=1 hint="NaN or infinite"
def project(changed, images, epsilon, norm):
    change = changed - images
    if norm == "linf":
        return (images + change.clamp(-epsilon, epsilon)).clamp(0, 1)
    lengths = change.flatten(1).norm(dim=1)[:, None, None, None]
    return (images + change / lengths * lengths.clamp(max=epsilon)).clamp(0, 1)


# %% wrong="down instead of up" of="pgd" loses=4 hint="without a target it has to rise"
def pgd(model, images, classes, epsilon, steps, step_size, targeted=False):
    changed, side = images.clone(), 1 if targeted else -1
    for _ in range(steps):
        step = side * step_size * loss_gradient(model, changed, classes).sign()
        changed = project(changed + step, images, epsilon, "linf")
    return changed


# %% wrong="the target forgotten" of="pgd" loses=1 hint="loss of the target rises"
def pgd(model, images, classes, epsilon, steps, step_size, targeted=False):
    changed = images.clone()
    for _ in range(steps):
        step = step_size * loss_gradient(model, changed, classes).sign()
        changed = project(changed + step, images, epsilon, "linf")
    return changed


# %% wrong="the ball around the last step" of="pgd" loses=4 hint="around the original image"
def pgd(model, images, classes, epsilon, steps, step_size, targeted=False):
    changed, side = images.clone(), -1 if targeted else 1
    for _ in range(steps):
        step = side * step_size * loss_gradient(model, changed, classes).sign()
        changed = project(changed + step, changed, epsilon, "linf")
    return changed


# %% wrong="the gradient at the start" of="pgd" loses=4 hint="compute it again after each step"
def pgd(model, images, classes, epsilon, steps, step_size, targeted=False):
    changed, side = images.clone(), -1 if targeted else 1
    step = side * step_size * loss_gradient(model, images, classes).sign()
    for _ in range(steps):
        changed = project(changed + step, images, epsilon, "linf")
    return changed


# %% wrong="each step from the start" of="pgd" loses=4 hint="result of a single step"
def pgd(model, images, classes, epsilon, steps, step_size, targeted=False):
    changed, side = images.clone(), -1 if targeted else 1
    for _ in range(steps):
        step = side * step_size * loss_gradient(model, images, classes).sign()
        changed = project(images + step, images, epsilon, "linf")
    return changed


# %% wrong="steps as large as the ball" of="pgd" loses=4 hint="the steps have the size of the radius"
def pgd(model, images, classes, epsilon, steps, step_size, targeted=False):
    changed, side = images.clone(), -1 if targeted else 1
    for _ in range(steps):
        step = side * epsilon * loss_gradient(model, changed, classes).sign()
        changed = project(changed + step, images, epsilon, "linf")
    return changed


# %% wrong="the radius divided by the steps" of="pgd" loses=4 hint="divided by their number"
def pgd(model, images, classes, epsilon, steps, step_size, targeted=False):
    changed, side = images.clone(), -1 if targeted else 1
    for _ in range(steps):
        step = side * epsilon / steps * loss_gradient(model, changed, classes).sign()
        changed = project(changed + step, images, epsilon, "linf")
    return changed


# %% wrong="projected once, at the end" of="pgd" loses=4 hint="entered only once"
def pgd(model, images, classes, epsilon, steps, step_size, targeted=False):
    changed, side = images.clone(), -1 if targeted else 1
    for _ in range(steps):
        changed = changed + side * step_size * loss_gradient(model, changed, classes).sign()
    return project(changed, images, epsilon, "linf")


# %% wrong="one step too few" of="pgd" loses=4 hint="one step too few"
def pgd(model, images, classes, epsilon, steps, step_size, targeted=False):
    changed, side = images.clone(), -1 if targeted else 1
    for _ in range(1, steps):
        step = side * step_size * loss_gradient(model, changed, classes).sign()
        changed = project(changed + step, images, epsilon, "linf")
    return changed


# %% wrong="the place in the list" of="answer_levels" loses=2 hint="a place in the list"
fooled = torch.stack([network(fgsm(network, cuts, seen, level / 255)).argmax(1) != seen for level in levels])
answer_levels = float(fooled.int().argmax(0).float().mean())

# %% wrong="not in levels" of="answer_levels" loses=2 hint="in units of [0, 1]"
fooled = torch.stack([network(fgsm(network, cuts, seen, level / 255)).argmax(1) != seen for level in levels])
answer_levels = sum(levels[place] / 255 for place in fooled.int().argmax(0).tolist()) / 3

# %% wrong="squared length" of="answer_gain" loses=2 hint=""
slope = loss_gradient(network, cuts[:1], seen[:1])
answer_gain = float(slope.abs().sum() / slope.square().sum())

# %% wrong="mean over the three cuts" of="answer_gain" loses=2 hint=""
slope = loss_gradient(network, cuts, seen).flatten(1)
answer_gain = float((slope.abs().sum(1) / slope.norm(dim=1)).mean())
