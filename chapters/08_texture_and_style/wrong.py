# %% [markdown]
# Typical wrong answers to exercise 8. `innerview course check 8` tries them out.

# %% wrong="no half" of="content_loss" loses=2 hint="one half is missing"
def content_loss(made, wanted):
    return (made - wanted).square().sum((1, 2, 3))


# %% wrong="the mean" of="content_loss" loses=2 hint="mean of the squares"
def content_loss(made, wanted):
    return (made - wanted).square().mean((1, 2, 3))


# %% wrong="one number for the batch" of="content_loss" loses=1 hint="averaged away"
def content_loss(made, wanted):
    return (made - wanted).square().sum() / 2


# %% wrong="not squared" of="content_loss" loses=2 hint="not their squares"
def content_loss(made, wanted):
    return (made - wanted).abs().sum((1, 2, 3)) / 2


# %% wrong="not divided" of="gram_matrix" loses=3 hint="not divided by the number of positions"
def gram_matrix(features):
    rows = features.flatten(2)
    return rows @ rows.mT


# %% wrong="divided by all" of="gram_matrix" loses=3 hint="channels times positions"
def gram_matrix(features):
    rows = features.flatten(2)
    return rows @ rows.mT / rows[0].numel()


# %% wrong="divided by the rows" of="gram_matrix" loses=4 hint="divided by the number of rows"
def gram_matrix(features):
    rows = features.flatten(2)
    return rows @ rows.mT / features.shape[2]


# %% wrong="covariance" of="gram_matrix" loses=3 hint="covariance"
def gram_matrix(features):
    rows = features.flatten(2)
    rows = rows - rows.mean(2, keepdim=True)
    return rows @ rows.mT / rows.shape[2]


# %% wrong="positions correlated" of="gram_matrix" loses=4 hint="has shape"
def gram_matrix(features):
    rows = features.flatten(2)
    return rows.mT @ rows / rows.shape[2]


# %% wrong="channels mixed with positions" of="gram_matrix" loses=4 hint="channels and positions are mixed"
def gram_matrix(features):
    rows = features.permute(0, 2, 3, 1).reshape(len(features), features.shape[1], -1)
    return rows @ rows.mT / rows.shape[2]


# %% wrong="cosines" of="gram_matrix" loses=4 hint="cosines"
def gram_matrix(features):
    rows = features.flatten(2)
    rows = rows / rows.norm(dim=2, keepdim=True)
    return rows @ rows.mT


# %% wrong="the batch is added up" of="gram_matrix" loses=1 hint="the images are taken together"
def gram_matrix(features):
    rows = features.transpose(0, 1).flatten(1)
    return (rows @ rows.mT / rows.shape[1])[None]


# %% wrong="divided by the images, too" of="gram_matrix" loses=1 hint="divided by the number of images"
def gram_matrix(features):
    rows = features.flatten(2)
    return rows @ rows.mT / (rows.shape[0] * rows.shape[2])


# %% wrong="the images mixed" of="gram_matrix" loses=3 hint="are its images mixed?"
def gram_matrix(features):
    rows = features.flatten(0, 1).flatten(1)
    return rows @ rows.T / features.numel()


# %% wrong="no quarter" of="style_loss" loses=4 hint="1/4 is missing"
def style_loss(grams, targets, weights):
    return sum(w * (g - a).square().mean((1, 2)) for g, a, w in zip(grams, targets, weights, strict=True))


# %% wrong="divided by N" of="style_loss" loses=4 hint="the square of N"
def style_loss(grams, targets, weights):
    return sum(
        w * (g - a).square().sum((1, 2)) / (4 * g.shape[1]) for g, a, w in zip(grams, targets, weights, strict=True)
    )


# %% wrong="not divided by N" of="style_loss" loses=4 hint="not divided by the square of N"
def style_loss(grams, targets, weights):
    return sum(w * (g - a).square().sum((1, 2)) / 4 for g, a, w in zip(grams, targets, weights, strict=True))


# %% wrong="N is the number of images" of="style_loss" loses=4 hint="channels, not of images"
def style_loss(grams, targets, weights):
    return sum(
        w * (g - a).square().sum((1, 2)) / (4 * g.shape[0] ** 2)
        for g, a, w in zip(grams, targets, weights, strict=True)
    )


# %% wrong="no weights" of="style_loss" loses=2 hint="weights of the layers are not used"
def style_loss(grams, targets, weights):
    return sum((g - a).square().mean((1, 2)) / 4 for g, a in zip(grams, targets, strict=True))


# %% wrong="weights sum to 1" of="style_loss" loses=2 hint="scaled to sum to 1"
def style_loss(grams, targets, weights):
    shares = [w / sum(weights) for w in weights]
    return sum(w * (g - a).square().mean((1, 2)) / 4 for g, a, w in zip(grams, targets, shares, strict=True))


# %% wrong="absolute differences" of="style_loss" loses=4 hint="but not squared"
def style_loss(grams, targets, weights):
    return sum(w * (g - a).abs().mean((1, 2)) / 4 for g, a, w in zip(grams, targets, weights, strict=True))


# %% wrong="only the last layer" of="style_loss" loses=1 hint="only the last layer"
def style_loss(grams, targets, weights):
    for g, a, w in zip(grams, targets, weights, strict=True):
        total = w * (g - a).square().mean((1, 2)) / 4
    return total


# %% wrong="one number for the batch" of="style_loss" loses=1 hint="averaged away"
def style_loss(grams, targets, weights):
    return sum(w * (g - a).square().mean() / 4 for g, a, w in zip(grams, targets, weights, strict=True))


# %% wrong="each difference raised alone" of="total_variation" loses=1 hint="add both squares before"
def total_variation(images, beta):
    here = images[..., :-1, :-1]
    right, down = images[..., :-1, 1:] - here, images[..., 1:, :-1] - here
    return (right.abs().pow(beta) + down.abs().pow(beta)).flatten(1).sum(1)


# %% wrong="the power is beta" of="total_variation" loses=3 hint="half of it"
def total_variation(images, beta):
    here = images[..., :-1, :-1]
    squares = (images[..., :-1, 1:] - here).square() + (images[..., 1:, :-1] - here).square()
    return squares.pow(beta).flatten(1).sum(1)


# %% wrong="the mean" of="total_variation" loses=3 hint="it is the mean"
def total_variation(images, beta):
    here = images[..., :-1, :-1]
    squares = (images[..., :-1, 1:] - here).square() + (images[..., 1:, :-1] - here).square()
    return squares.pow(beta / 2).flatten(1).mean(1)


# %% wrong="around the image" of="total_variation" loses=3 hint="goes around the image"
def total_variation(images, beta):
    squares = (images.roll(-1, 3) - images).square() + (images.roll(-1, 2) - images).square()
    return squares.pow(beta / 2).flatten(1).sum(1)


# %% wrong="the last row and column count" of="total_variation" loses=3 hint=""
def total_variation(images, beta):
    right, down = images.diff(dim=3), images.diff(dim=2)
    return right.abs().pow(beta).flatten(1).sum(1) + down.abs().pow(beta).flatten(1).sum(1)


# %% wrong="the wrong ends cropped" of="total_variation" loses=3 hint="both differences begin at the same pixel"
def total_variation(images, beta):
    right, down = images.diff(dim=3)[..., 1:, :], images.diff(dim=2)[..., :-1]
    return (right.square() + down.square()).pow(beta / 2).flatten(1).sum(1)


# %% wrong="beta is ignored" of="total_variation" loses=1 hint=""
def total_variation(images, beta):
    here = images[..., :-1, :-1]
    return ((images[..., :-1, 1:] - here).square() + (images[..., 1:, :-1] - here).square()).flatten(1).sum(1)


# %% wrong="the mean over the colours" of="total_variation" loses=3 hint="add them up"
def total_variation(images, beta):
    here = images[..., :-1, :-1]
    squares = (images[..., :-1, 1:] - here).square() + (images[..., 1:, :-1] - here).square()
    return squares.pow(beta / 2).sum((2, 3)).mean(1)


# %% wrong="the activations are compared" of="answers" loses=4 hint=""
seen = [activations(network, one, "relu2")["relu2"] for one in (image, moved, shuffled)]
answer_moved, answer_shuffled = (float((one - seen[0]).norm() / seen[0].norm()) for one in seen[1:])

# %% wrong="the other layer" of="answers" loses=4 hint=""
seen = [gram_matrix(activations(network, one, "relu1")["relu1"]) for one in (image, moved, shuffled)]
answer_moved, answer_shuffled = (float((one - seen[0]).norm() / seen[0].norm()) for one in seen[1:])

# %% wrong="nothing is forgotten" of="answers" loses=4 hint=""
answer_moved, answer_shuffled = 0.0, 1.0
