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
# Typical wrong answers to exercise 6. `innerview course check 6` tries them out.


# %% wrong="no bias" of="gap_logits" loses=2 hint="bias is missing"
def gap_logits(maps, weights, bias):
    return maps.mean(dim=(-2, -1)) @ weights.T


# %% wrong="sum in place of the mean" of="gap_logits" loses=2 hint="GAP takes their mean"
def gap_logits(maps, weights, bias):
    return maps.sum(dim=(-2, -1)) @ weights.T + bias


# %% wrong="maximum in place of the mean" of="gap_logits" loses=2 hint="largest value is taken"
def gap_logits(maps, weights, bias):
    return maps.amax(dim=(-2, -1)) @ weights.T + bias


# %% wrong="sum in place of the mean" of="channel_weights" loses=2 hint="takes its mean"
def channel_weights(gradient):
    return gradient.sum(dim=(-2, -1))


# %% wrong="the other axes" of="channel_weights" loses=2 hint="expected is (1, 2)"
def channel_weights(gradient):
    return gradient.mean(dim=(0, 1))


# %% wrong="ReLU on the weights" of="channel_weights" loses=2 hint="Eq. 1 has none"
def channel_weights(gradient):
    return gradient.mean(dim=(-2, -1)).relu()


# %% wrong="a ReLU, as in Grad-CAM" of="class_activation_map" loses=3 hint="CAM has none"
def class_activation_map(maps, weights, targets):
    return torch.relu((weights[targets][:, :, None, None] * maps).sum(dim=1))


# %% wrong="absolute weights" of="class_activation_map" loses=3 hint="absolute weights are used"
def class_activation_map(maps, weights, targets):
    return (weights[targets].abs()[:, :, None, None] * maps).sum(dim=1)


# %% wrong="the first target for all" of="class_activation_map" loses=3 hint="each has a target of its own"
def class_activation_map(maps, weights, targets):
    return torch.einsum("k,bkij->bij", weights[targets[0]], maps)


# %% wrong="columns of the weights" of="class_activation_map" loses=4 hint="columns of the weights"
def class_activation_map(maps, weights, targets):
    return (weights[:, targets].T[:, :, None, None] * maps).sum(dim=1)


# %% wrong="mean over the channels" of="class_activation_map" loses=4 hint="mean over the channels"
def class_activation_map(maps, weights, targets):
    return (weights[targets][:, :, None, None] * maps).mean(dim=1)


# %% wrong="stretched to [0, 1]" of="class_activation_map" loses=4 hint="stretched to [0, 1]"
def class_activation_map(maps, weights, targets):
    heat = (weights[targets][:, :, None, None] * maps).sum(dim=1)
    low, high = heat.amin(dim=(1, 2), keepdim=True), heat.amax(dim=(1, 2), keepdim=True)
    return (heat - low) / (high - low)


# %% wrong="the positions averaged first" of="class_activation_map" loses=4 hint="no map is left"
def class_activation_map(maps, weights, targets):
    means = maps.mean(dim=(-2, -1), keepdim=True).expand_as(maps)
    return (weights[targets][:, :, None, None] * means).sum(dim=1)


# %% wrong="the maps alone, without weights" of="class_activation_map" loses=4 hint="values differ"
def class_activation_map(maps, weights, targets):
    return maps.sum(dim=1)


# %% wrong="no ReLU" of="grad_cam" loses=5 hint="is a ReLU forgotten"
def grad_cam(model, images, targets, layer):
    maps, logits = maps_and_logits(model, images, layer)
    scores = logits.gather(1, targets[:, None])
    (gradient,) = torch.autograd.grad(scores.sum(), maps)
    return (channel_weights(gradient)[:, :, None, None] * maps.detach()).sum(dim=1)


# %% wrong="ReLU before the sum" of="grad_cam" loses=5 hint="the ReLU comes after the sum"
def grad_cam(model, images, targets, layer):
    maps, logits = maps_and_logits(model, images, layer)
    scores = logits.gather(1, targets[:, None])
    (gradient,) = torch.autograd.grad(scores.sum(), maps)
    return torch.relu(channel_weights(gradient)[:, :, None, None] * maps.detach()).sum(dim=1)


# %% wrong="the gradient is summed" of="grad_cam" loses=5 hint="Eq. 1 takes its mean"
def grad_cam(model, images, targets, layer):
    maps, logits = maps_and_logits(model, images, layer)
    scores = logits.gather(1, targets[:, None])
    (gradient,) = torch.autograd.grad(scores.sum(), maps)
    weights = gradient.sum(dim=(-2, -1))
    return torch.relu((weights[:, :, None, None] * maps.detach()).sum(dim=1))


# %% wrong="the sign" of="grad_cam" loses=5 hint="speaks against the class"
def grad_cam(model, images, targets, layer):
    maps, logits = maps_and_logits(model, images, layer)
    loss = -logits.gather(1, targets[:, None])
    (gradient,) = torch.autograd.grad(loss.sum(), maps)
    return torch.relu((channel_weights(gradient)[:, :, None, None] * maps.detach()).sum(dim=1))


# %% wrong="probability in place of the logit" of="grad_cam" loses=5 hint="before the softmax"
def grad_cam(model, images, targets, layer):
    maps, logits = maps_and_logits(model, images, layer)
    scores = logits.softmax(dim=1).gather(1, targets[:, None])
    (gradient,) = torch.autograd.grad(scores.sum(), maps)
    return torch.relu((channel_weights(gradient)[:, :, None, None] * maps.detach()).sum(dim=1))


# %% wrong="logarithm of the probability" of="grad_cam" loses=5 hint="logarithm of the probability"
def grad_cam(model, images, targets, layer):
    maps, logits = maps_and_logits(model, images, layer)
    scores = logits.log_softmax(dim=1).gather(1, targets[:, None])
    (gradient,) = torch.autograd.grad(scores.sum(), maps)
    return torch.relu((channel_weights(gradient)[:, :, None, None] * maps.detach()).sum(dim=1))


# %% wrong="mean of the scores of the batch" of="grad_cam" loses=1 hint="over the batch's scores"
def grad_cam(model, images, targets, layer):
    maps, logits = maps_and_logits(model, images, layer)
    scores = logits.gather(1, targets[:, None])
    (gradient,) = torch.autograd.grad(scores.mean(), maps)
    return torch.relu((channel_weights(gradient)[:, :, None, None] * maps.detach()).sum(dim=1))


# %% wrong="gradient times activation at each position" of="grad_cam" loses=2 hint="weighed by its own gradient"
def grad_cam(model, images, targets, layer):
    maps, logits = maps_and_logits(model, images, layer)
    scores = logits.gather(1, targets[:, None])
    (gradient,) = torch.autograd.grad(scores.sum(), maps)
    return torch.relu((gradient * maps.detach()).sum(dim=1))


# %% wrong="columns of all targets" of="grad_cam" loses=1 hint="other classes"
def grad_cam(model, images, targets, layer):
    maps, logits = maps_and_logits(model, images, layer)
    (gradient,) = torch.autograd.grad(logits[:, targets].sum(), maps)
    return torch.relu((channel_weights(gradient)[:, :, None, None] * maps.detach()).sum(dim=1))


# %% wrong="the predicted class" of="grad_cam" loses=5 hint="predicted class is explained"
def grad_cam(model, images, targets, layer):
    maps, logits = maps_and_logits(model, images, layer)
    (gradient,) = torch.autograd.grad(logits.amax(dim=1).sum(), maps)
    return torch.relu((channel_weights(gradient)[:, :, None, None] * maps.detach()).sum(dim=1))


# %% wrong="weights averaged over the batch" of="grad_cam" loses=1 hint="averaged over the batch"
def grad_cam(model, images, targets, layer):
    maps, logits = maps_and_logits(model, images, layer)
    scores = logits.gather(1, targets[:, None])
    (gradient,) = torch.autograd.grad(scores.sum(), maps)
    weights = gradient.mean(dim=(0, 2, 3), keepdim=True)
    return torch.relu((weights * maps.detach()).sum(dim=1))


# %% wrong="absolute value in place of the ReLU" of="grad_cam" loses=5 hint="Eq. 2 has a ReLU"
def grad_cam(model, images, targets, layer):
    maps, logits = maps_and_logits(model, images, layer)
    scores = logits.gather(1, targets[:, None])
    (gradient,) = torch.autograd.grad(scores.sum(), maps)
    return (channel_weights(gradient)[:, :, None, None] * maps.detach()).sum(dim=1).abs()


# %% wrong="the inverse" of="factor" loses=2 hint=""
maps, logits = maps_and_logits(network, noise, "relu2")
targets = logits.argmax(dim=1)
positive = class_activation_map(maps, network.linear.weight, targets).relu()
answer_factor = float(grad_cam(network, noise, targets, "relu2").sum() / positive.sum())

# %% wrong="the positions of the image, not of the layer" of="factor" loses=2 hint=""
answer_factor = noise.shape[-2] * noise.shape[-1]

# %% wrong="always the left half" of="shares" loses=1 hint=""
both = grad_cam(model, torch.cat([picture, picture]), torch.tensor([285, 967]), "relu1")
if not cat_is_left:
    both = both.flip(-1)
answer_cat, answer_cup = (both[..., :4].sum((1, 2)) / both.sum((1, 2))).tolist()

# %% wrong="both maps of the first class" of="shares" loses=1 hint=""
both = grad_cam(model, torch.cat([picture, picture]), torch.tensor([285, 285]), "relu1")
left = (both[..., :4].sum((1, 2)) / both.sum((1, 2)))[0]
answer_cat = float(left if cat_is_left else 1 - left)
answer_cup = 1 - answer_cat

# %% wrong="CAM without the ReLU" of="shares" loses=3 hint=""
maps, _ = maps_and_logits(model, torch.cat([picture, picture]), "relu1")
both = class_activation_map(maps.detach(), model.module.fc.weight, torch.tensor([285, 967]))
left_cat, left_cup = (both[..., :4].sum((1, 2)) / both.sum((1, 2))).tolist()
answer_cat, answer_cup = (left_cat, 1 - left_cup) if cat_is_left else (1 - left_cat, left_cup)
