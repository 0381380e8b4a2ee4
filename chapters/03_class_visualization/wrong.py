# %% [markdown]
# Typical wrong answers to exercise 3. `innerview course check 3` tries them out.

# %% wrong="the probability in place of the logit" of="score_gradient" loses=3 hint="gradient of the probability"
def score_gradient(model, images, target):
    images = images.detach().clone().requires_grad_()
    scores = model(images).softmax(1)[:, target]
    (gradient,) = torch.autograd.grad(scores.sum(), images)
    return gradient


# %% wrong="the log probability in place of the logit" of="score_gradient" loses=3 hint="log of the probability"
def score_gradient(model, images, target):
    images = images.detach().clone().requires_grad_()
    scores = model(images).log_softmax(1)[:, target]
    (gradient,) = torch.autograd.grad(scores.sum(), images)
    return gradient


# %% wrong="the logits of all classes" of="score_gradient" loses=3 hint="logits of all classes are summed"
def score_gradient(model, images, target):
    images = images.detach().clone().requires_grad_()
    (gradient,) = torch.autograd.grad(model(images).sum(), images)
    return gradient


# %% wrong="the mean over the batch" of="score_gradient" loses=1 hint="averaged over the batch"
def score_gradient(model, images, target):
    images = images.detach().clone().requires_grad_()
    scores = model(images)[:, target]
    (gradient,) = torch.autograd.grad(scores.mean(), images)
    return gradient


# %% wrong="the largest logit" of="score_gradient" loses=3 hint="largest logit"
def score_gradient(model, images, target):
    images = images.detach().clone().requires_grad_()
    (gradient,) = torch.autograd.grad(model(images).max(1).values.sum(), images)
    return gradient


# %% wrong="asks the given images for gradients" of="score_gradient" loses=1 hint="they ask for gradients now"
def score_gradient(model, images, target):
    images.requires_grad_()
    return torch.autograd.grad(model(images)[:, target].sum(), images)[0]


# %% wrong="decays to black" of="decayed_step" loses=3 hint="decays to black"
def decayed_step(images, gradient, step_size, decay):
    images = (1 - decay) * (images + step_size * gradient)
    return images.clamp(0, 1)


# %% wrong="downhill" of="decayed_step" loses=3 hint="goes downhill"
def decayed_step(images, gradient, step_size, decay):
    offsets = (1 - decay) * (images - 0.5 - step_size * gradient)
    return (0.5 + offsets).clamp(0, 1)


# %% wrong="decay before the step" of="decayed_step" loses=3 hint="decay comes before the step"
def decayed_step(images, gradient, step_size, decay):
    offsets = (1 - decay) * (images - 0.5) + step_size * gradient
    return (0.5 + offsets).clamp(0, 1)


# %% wrong="the decay is what stays" of="decayed_step" loses=2 hint="is what stays"
def decayed_step(images, gradient, step_size, decay):
    offsets = decay * (images - 0.5 + step_size * gradient)
    return (0.5 + offsets).clamp(0, 1)


# %% wrong="not clipped" of="decayed_step" loses=1 hint="not clipped"
def decayed_step(images, gradient, step_size, decay):
    offsets = (1 - decay) * (images - 0.5 + step_size * gradient)
    return 0.5 + offsets


# %% wrong="the offset is clipped" of="decayed_step" loses=3 hint="the offset is clipped"
def decayed_step(images, gradient, step_size, decay):
    offsets = (1 - decay) * (images - 0.5 + step_size * gradient)
    return 0.5 + offsets.clamp(0, 1)


# %% wrong="clipped too early" of="decayed_step" loses=1 hint="clip at the end"
def decayed_step(images, gradient, step_size, decay):
    images = (images + step_size * gradient).clamp(0, 1)
    return 0.5 + (1 - decay) * (images - 0.5)


# %% wrong="no decay" of="decayed_step" loses=3 hint="decay is forgotten"
def decayed_step(images, gradient, step_size, decay):
    return (images + step_size * gradient).clamp(0, 1)


# %% wrong="no absolute values" of="total_variation" loses=4 hint="absolute values are forgotten"
def total_variation(images):
    down = images[:, :, 1:] - images[:, :, :-1]
    right = images[:, :, :, 1:] - images[:, :, :, :-1]
    return down.sum(dim=(1, 2, 3)) + right.sum(dim=(1, 2, 3))


# %% wrong="squares in place of absolute values" of="total_variation" loses=4 hint="differences are squared"
def total_variation(images):
    down = images[:, :, 1:] - images[:, :, :-1]
    right = images[:, :, :, 1:] - images[:, :, :, :-1]
    return down.square().sum(dim=(1, 2, 3)) + right.square().sum(dim=(1, 2, 3))


# %% wrong="wraps around the border" of="total_variation" loses=4 hint="wrap around the border"
def total_variation(images):
    down = images.roll(-1, dims=2) - images
    right = images.roll(-1, dims=3) - images
    return down.abs().sum(dim=(1, 2, 3)) + right.abs().sum(dim=(1, 2, 3))


# %% wrong="only one direction" of="total_variation" loses=3 hint="only the differences downwards"
def total_variation(images):
    down = images[:, :, 1:] - images[:, :, :-1]
    return down.abs().sum(dim=(1, 2, 3))


# %% wrong="means in place of sums" of="total_variation" loses=4 hint="each sum is averaged"
def total_variation(images):
    down = images[:, :, 1:] - images[:, :, :-1]
    right = images[:, :, :, 1:] - images[:, :, :, :-1]
    return down.abs().mean(dim=(1, 2, 3)) + right.abs().mean(dim=(1, 2, 3))


# %% wrong="no last row and column" of="total_variation" loses=4 hint="last row and column"
def total_variation(images):
    down = images[:, :, 1:, :-1] - images[:, :, :-1, :-1]
    right = images[:, :, :-1, 1:] - images[:, :, :-1, :-1]
    return down.abs().sum(dim=(1, 2, 3)) + right.abs().sum(dim=(1, 2, 3))


# %% wrong="one number for the whole batch" of="total_variation" loses=3 hint="expected is (2,)"
def total_variation(images):
    down = images[:, :, 1:] - images[:, :, :-1]
    right = images[:, :, :, 1:] - images[:, :, :, :-1]
    return down.abs().sum() + right.abs().sum()


# %% wrong="the absolute value of the sum" of="total_variation" loses=3 hint="taken of the sum"
def total_variation(images):
    down = images[:, :, 1:] - images[:, :, :-1]
    right = images[:, :, :, 1:] - images[:, :, :, :-1]
    return down.sum(dim=(1, 2, 3)).abs() + right.sum(dim=(1, 2, 3)).abs()


# %% wrong="downhill" of="class_image" loses=4 hint="goes downhill"
def class_image(model, target, start, steps, step_size, l2=0.0, tv=0.0):
    images = start.detach().clone()
    for _ in range(steps):
        images = images.detach().requires_grad_()
        score = model(images)[:, target].sum()
        penalty = l2 * (images - 0.5).square().sum() + tv * total_variation(images).sum()
        (gradient,) = torch.autograd.grad(score - penalty, images)
        images = (images - step_size * gradient).clamp(0, 1)
    return images.detach()


# %% wrong="penalties added" of="class_image" loses=2 hint="the penalty raises the objective"
def class_image(model, target, start, steps, step_size, l2=0.0, tv=0.0):
    images = start.detach().clone()
    for _ in range(steps):
        images = images.detach().requires_grad_()
        score = model(images)[:, target].sum()
        penalty = l2 * (images - 0.5).square().sum() + tv * total_variation(images).sum()
        (gradient,) = torch.autograd.grad(score + penalty, images)
        images = (images + step_size * gradient).clamp(0, 1)
    return images.detach()


# %% wrong="the penalty counts from black" of="class_image" loses=2 hint="counts from black"
def class_image(model, target, start, steps, step_size, l2=0.0, tv=0.0):
    images = start.detach().clone()
    for _ in range(steps):
        images = images.detach().requires_grad_()
        score = model(images)[:, target].sum()
        penalty = l2 * images.square().sum() + tv * total_variation(images).sum()
        (gradient,) = torch.autograd.grad(score - penalty, images)
        images = (images + step_size * gradient).clamp(0, 1)
    return images.detach()


# %% wrong="gradients add up" of="class_image" loses=4 hint="gradients of the steps add up"
def class_image(model, target, start, steps, step_size, l2=0.0, tv=0.0):
    images = start.detach().clone().requires_grad_()
    for _ in range(steps):
        score = model(images)[:, target].sum()
        penalty = l2 * (images - 0.5).square().sum() + tv * total_variation(images).sum()
        (score - penalty).backward()
        with torch.no_grad():
            images += step_size * images.grad
            images.clamp_(0, 1)
    return images.detach()


# %% wrong="the softmax is raised" of="class_image" loses=4 hint="the softmax is raised"
def class_image(model, target, start, steps, step_size, l2=0.0, tv=0.0):
    images = start.detach().clone()
    for _ in range(steps):
        images = images.detach().requires_grad_()
        score = model(images).softmax(1)[:, target].sum()
        penalty = l2 * (images - 0.5).square().sum() + tv * total_variation(images).sum()
        (gradient,) = torch.autograd.grad(score - penalty, images)
        images = (images + step_size * gradient).clamp(0, 1)
    return images.detach()


# %% wrong="not clipped" of="class_image" loses=3 hint="not clipped"
def class_image(model, target, start, steps, step_size, l2=0.0, tv=0.0):
    images = start.detach().clone()
    for _ in range(steps):
        images = images.detach().requires_grad_()
        score = model(images)[:, target].sum()
        penalty = l2 * (images - 0.5).square().sum() + tv * total_variation(images).sum()
        (gradient,) = torch.autograd.grad(score - penalty, images)
        images = images + step_size * gradient
    return images.detach()


# %% wrong="clipped only at the end" of="class_image" loses=2 hint="clipped only at the end"
def class_image(model, target, start, steps, step_size, l2=0.0, tv=0.0):
    images = start.detach().clone()
    for _ in range(steps):
        images = images.detach().requires_grad_()
        score = model(images)[:, target].sum()
        penalty = l2 * (images - 0.5).square().sum() + tv * total_variation(images).sum()
        (gradient,) = torch.autograd.grad(score - penalty, images)
        images = images + step_size * gradient
    return images.detach().clamp(0, 1)


# %% wrong="the mean over the batch" of="class_image" loses=4 hint="mean over the batch"
def class_image(model, target, start, steps, step_size, l2=0.0, tv=0.0):
    images = start.detach().clone()
    for _ in range(steps):
        images = images.detach().requires_grad_()
        penalty = l2 * (images - 0.5).square().sum(dim=(1, 2, 3)) + tv * total_variation(images)
        (gradient,) = torch.autograd.grad((model(images)[:, target] - penalty).mean(), images)
        images = (images + step_size * gradient).clamp(0, 1)
    return images.detach()


# %% wrong="asks the start for gradients" of="class_image" loses=1 hint="made it ask for gradients"
def class_image(model, target, start, steps, step_size, l2=0.0, tv=0.0):
    images = start
    for _ in range(steps):
        images.requires_grad_()
        score = model(images)[:, target].sum()
        penalty = l2 * (images - 0.5).square().sum() + tv * total_variation(images).sum()
        (gradient,) = torch.autograd.grad(score - penalty, images)
        images = (images + step_size * gradient).clamp(0, 1).detach()
    return images


# %% wrong="no total variation" of="class_image" loses=2 hint="total variation is forgotten"
def class_image(model, target, start, steps, step_size, l2=0.0, tv=0.0):
    images = start.detach().clone()
    for _ in range(steps):
        images = images.detach().requires_grad_()
        score = model(images)[:, target].sum()
        (gradient,) = torch.autograd.grad(score - l2 * (images - 0.5).square().sum(), images)
        images = (images + step_size * gradient).clamp(0, 1)
    return images.detach()


# %% wrong="changes the start" of="class_image" loses=1 hint=""
def class_image(model, target, start, steps, step_size, l2=0.0, tv=0.0):
    images = start
    for _ in range(steps):
        leaf = images.clone().requires_grad_()
        score = model(leaf)[:, target].sum()
        penalty = l2 * (leaf - 0.5).square().sum() + tv * total_variation(leaf).sum()
        (gradient,) = torch.autograd.grad(score - penalty, leaf)
        images += step_size * gradient
        images.clamp_(0, 1)
    return images


# %% wrong="the rise of the others in place of their fall" of="answers" loses=2 hint=""
by_logit = class_image(network, target, start, 20, 0.1)
by_probability = class_image(lambda images: network(images).softmax(1), target, start, 20, 0.4)
before, first, second = network(start), network(by_logit), network(by_probability)
rise = others(second).mean() - others(before).mean()
gain = (second - before)[:, target].mean() - rise
gain_by_logit = (first - before)[:, target].mean() - (others(first) - others(before)).mean()
answer_share = float(rise / gain)
answer_gap = float(gain - gain_by_logit)

# %% wrong="logits in place of log odds" of="answers" loses=3 hint=""
by_logit = class_image(network, target, start, 20, 0.1)
by_probability = class_image(lambda images: network(images).softmax(1), target, start, 20, 0.4)
before, first, second = network(start), network(by_logit), network(by_probability)
fall = others(before).mean() - others(second).mean()
answer_share = float(fall / (second - before)[:, target].mean())
answer_gap = float((second - first)[:, target].mean())
