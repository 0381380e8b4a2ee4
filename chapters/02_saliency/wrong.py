# %% [markdown]
# Typical wrong answers to exercise 2. `innerview course check 2` tries them out.


# %% wrong="no absolute value" of="largest_color" loses=2 hint="the absolute value is forgotten"
def largest_color(gradient):
    return gradient.amax(1)


# %% wrong="absolute value after the maximum" of="largest_color" loses=2 hint="comes after the maximum"
def largest_color(gradient):
    return gradient.amax(1).abs()


# %% wrong="the sum over colours" of="largest_color" loses=2 hint="the colours are added"
def largest_color(gradient):
    return gradient.abs().sum(1)


# %% wrong="the image itself is covered" of="covered" loses=1 hint="the image that was given is changed"
def covered(images, top, left, side, value):
    images[:, :, top : top + side, left : left + side] = value
    return images


# %% wrong="row and column exchanged" of="covered" loses=1 hint="row and column are exchanged"
def covered(images, top, left, side, value):
    images = images.clone()
    images[:, :, left : left + side, top : top + side] = value
    return images


# %% wrong="ends at side" of="covered" loses=1 hint="it ends at row and column `side`"
def covered(images, top, left, side, value):
    images = images.clone()
    images[:, :, top:side, left:side] = value
    return images


# %% wrong="softmax" of="saliency" loses=4 hint="before the softmax"
def saliency(model, images, targets):
    pixels = images.detach().clone().requires_grad_()
    scores = model(pixels).softmax(1).gather(1, targets[:, None])
    (gradient,) = torch.autograd.grad(scores.sum(), pixels)
    return gradient.abs().amax(1)


# %% wrong="cross entropy" of="saliency" loses=4 hint="a loss is differentiated"
def saliency(model, images, targets):
    pixels = images.detach().clone().requires_grad_()
    loss = torch.nn.functional.cross_entropy(model(pixels), targets)
    (gradient,) = torch.autograd.grad(loss, pixels)
    return gradient.abs().amax(1)


# %% wrong="no absolute value" of="saliency" loses=4 hint="the absolute value is forgotten"
def saliency(model, images, targets):
    pixels = images.detach().clone().requires_grad_()
    scores = model(pixels).gather(1, targets[:, None])
    (gradient,) = torch.autograd.grad(scores.sum(), pixels)
    return gradient.amax(1)


# %% wrong="the sum over colours" of="saliency" loses=4 hint="the colours are added"
def saliency(model, images, targets):
    pixels = images.detach().clone().requires_grad_()
    scores = model(pixels).gather(1, targets[:, None])
    (gradient,) = torch.autograd.grad(scores.sum(), pixels)
    return gradient.abs().sum(1)


# %% wrong="the mean over images" of="saliency" loses=3 hint="0.5 times"
def saliency(model, images, targets):
    pixels = images.detach().clone().requires_grad_()
    scores = model(pixels).gather(1, targets[:, None])
    (gradient,) = torch.autograd.grad(scores.mean(), pixels)
    return gradient.abs().amax(1)


# %% wrong="all classes in all rows" of="saliency" loses=3 hint="the classes of all"
def saliency(model, images, targets):
    pixels = images.detach().clone().requires_grad_()
    scores = model(pixels)[:, targets]
    (gradient,) = torch.autograd.grad(scores.sum(), pixels)
    return gradient.abs().amax(1)


# %% wrong="the predicted class" of="saliency" loses=4 hint="the class that the network predicts"
def saliency(model, images, targets):
    pixels = images.detach().clone().requires_grad_()
    scores = model(pixels).max(dim=1).values
    (gradient,) = torch.autograd.grad(scores.sum(), pixels)
    return gradient.abs().amax(1)


# %% wrong="times the image" of="saliency" loses=4 hint="multiplied by the image"
def saliency(model, images, targets):
    pixels = images.detach().clone().requires_grad_()
    scores = model(pixels).gather(1, targets[:, None])
    (gradient,) = torch.autograd.grad(scores.sum(), pixels)
    return (gradient * images).abs().amax(1)


# %% wrong="the images keep a gradient" of="saliency" loses=1 hint="require a gradient now"
def saliency(model, images, targets):
    images.requires_grad_()
    scores = model(images).gather(1, targets[:, None])
    (gradient,) = torch.autograd.grad(scores.sum(), images)
    return gradient.abs().amax(1)


# %% wrong="the derivative" of="guided_relu" loses=3 hint="this is the plain gradient"
def guided_relu(gradient, source):
    return gradient * (source > 0)


# %% wrong="the deconvnet's rule" of="guided_relu" loses=4 hint="the deconvnet's rule"
def guided_relu(gradient, source):
    return gradient.relu()


# %% wrong="or in place of and" of="guided_relu" loses=4 hint="guided backpropagation asks for both"
def guided_relu(gradient, source):
    return gradient * ((source > 0) | (gradient > 0))


# %% wrong="times the input" of="guided_relu" loses=4 hint="multiplied by the input"
def guided_relu(gradient, source):
    return gradient.relu() * source.relu()


# %% wrong="the absolute value" of="guided_relu" loses=3 hint="its sign turned"
def guided_relu(gradient, source):
    return gradient.abs() * (source > 0)


# %% wrong="the product is positive" of="guided_relu" loses=3 hint="where both are negative"
def guided_relu(gradient, source):
    return gradient * (gradient * source > 0)


# %% wrong="zero counts as positive" of="guided_relu" loses=1 hint="exactly 0"
def guided_relu(gradient, source):
    return gradient.relu() * (source >= 0)


# %% wrong="the input where both are positive" of="guided_relu" loses=4 hint="what passes is the gradient"
def guided_relu(gradient, source):
    return source * (source > 0) * (gradient > 0)


# %% wrong="the rise" of="occlusion" loses=3 hint="the map shows its fall"
def occlusion(model, images, targets, side, value=0.5):
    rows, columns = images.shape[2] // side, images.shape[3] // side
    score = model(images).gather(1, targets[:, None])[:, 0]
    fall = score.new_zeros(len(images), rows, columns)
    for row in range(rows):
        for column in range(columns):
            altered = covered(images, row * side, column * side, side, value)
            fall[:, row, column] = model(altered).gather(1, targets[:, None])[:, 0] - score
    return fall


# %% wrong="probabilities" of="occlusion" loses=3 hint="the fall of the probability"
def occlusion(model, images, targets, side, value=0.5):
    rows, columns = images.shape[2] // side, images.shape[3] // side
    score = model(images).softmax(1).gather(1, targets[:, None])[:, 0]
    fall = score.new_zeros(len(images), rows, columns)
    for row in range(rows):
        for column in range(columns):
            altered = covered(images, row * side, column * side, side, value)
            fall[:, row, column] = score - model(altered).softmax(1).gather(1, targets[:, None])[:, 0]
    return fall


# %% wrong="squares stay covered" of="occlusion" loses=3 hint="squares stay covered"
def occlusion(model, images, targets, side, value=0.5):
    rows, columns = images.shape[2] // side, images.shape[3] // side
    score = model(images).gather(1, targets[:, None])[:, 0]
    fall = score.new_zeros(len(images), rows, columns)
    for row in range(rows):
        for column in range(columns):
            images = covered(images, row * side, column * side, side, value)
            fall[:, row, column] = score - model(images).gather(1, targets[:, None])[:, 0]
    return fall


# %% wrong="always black" of="occlusion" loses=3 hint="black covers the squares"
def occlusion(model, images, targets, side, value=0.5):
    rows, columns = images.shape[2] // side, images.shape[3] // side
    score = model(images).gather(1, targets[:, None])[:, 0]
    fall = score.new_zeros(len(images), rows, columns)
    for row in range(rows):
        for column in range(columns):
            altered = covered(images, row * side, column * side, side, 0.0)
            fall[:, row, column] = score - model(altered).gather(1, targets[:, None])[:, 0]
    return fall


# %% wrong="always grey" of="occlusion" loses=1 hint=""
def occlusion(model, images, targets, side, value=0.5):
    rows, columns = images.shape[2] // side, images.shape[3] // side
    score = model(images).gather(1, targets[:, None])[:, 0]
    fall = score.new_zeros(len(images), rows, columns)
    for row in range(rows):
        for column in range(columns):
            altered = covered(images, row * side, column * side, side, 0.5)
            fall[:, row, column] = score - model(altered).gather(1, targets[:, None])[:, 0]
    return fall


# %% wrong="the corner is not multiplied by the side" of="occlusion" loses=3 hint="it begins at row p a and column p b"
def occlusion(model, images, targets, side, value=0.5):
    rows, columns = images.shape[2] // side, images.shape[3] // side
    score = model(images).gather(1, targets[:, None])[:, 0]
    fall = score.new_zeros(len(images), rows, columns)
    for row in range(rows):
        for column in range(columns):
            altered = covered(images, row, column, side, value)
            fall[:, row, column] = score - model(altered).gather(1, targets[:, None])[:, 0]
    return fall


# %% wrong="the score of what is left" of="occlusion" loses=3 hint="how far it fell"
def occlusion(model, images, targets, side, value=0.5):
    rows, columns = images.shape[2] // side, images.shape[3] // side
    found = images.new_zeros(len(images), rows, columns)
    for row in range(rows):
        for column in range(columns):
            altered = covered(images, row * side, column * side, side, value)
            found[:, row, column] = model(altered).gather(1, targets[:, None])[:, 0]
    return found


# %% wrong="row and column exchanged" of="occlusion" loses=3 hint="axes 1 and 2 are exchanged"
def occlusion(model, images, targets, side, value=0.5):
    rows, columns = images.shape[2] // side, images.shape[3] // side
    score = model(images).gather(1, targets[:, None])[:, 0]
    fall = score.new_zeros(len(images), columns, rows)
    for row in range(rows):
        for column in range(columns):
            altered = covered(images, row * side, column * side, side, value)
            fall[:, column, row] = score - model(altered).gather(1, targets[:, None])[:, 0]
    return fall


# %% wrong="a linear correlation" of="answer_correlations" loses=3 hint=""
answer_correlations = [
    float(torch.corrcoef(torch.stack([method(one, image, 285).flatten() for one in (trained, forgetful)]))[0, 1])
    for method in (iv.saliency, iv.guided_backprop)
]


# %% wrong="each network's own class" of="answer_correlations" loses=3 hint=""
answer_correlations = [
    float(rank_correlation(method(trained, image), method(forgetful, image)))
    for method in (iv.saliency, iv.guided_backprop)
]
