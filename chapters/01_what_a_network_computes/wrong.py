# %% [markdown]
# Typical wrong answers to exercise 1. `innerview course check 1` tries them out.


# %% wrong="the first place is missing" of="output_size" loses=2 hint="the first place is missing"
def output_size(size, kernel, stride, padding):
    return (size + 2 * padding - kernel) // stride


# %% wrong="padding at one end" of="output_size" loses=1 hint="both ends"
def output_size(size, kernel, stride, padding):
    return (size + padding - kernel) // stride + 1


# %% wrong="rounded up" of="output_size" loses=2 hint="rounded up"
def output_size(size, kernel, stride, padding):
    return -(-(size + 2 * padding - kernel) // stride) + 1


# %% wrong="1 inside the division" of="output_size" loses=2 hint="before the division"
def output_size(size, kernel, stride, padding):
    return (size + 2 * padding - kernel + 1) // stride


# %% wrong="not rounded" of="output_size" loses=2 hint="not rounded down"
def output_size(size, kernel, stride, padding):
    return (size + 2 * padding - kernel) / stride + 1


# %% wrong="no ReLU" of="rectify_and_pool" loses=2 hint="is a ReLU forgotten"
def rectify_and_pool(maps):
    return F.max_pool2d(maps, 2)


# %% wrong="the mean" of="rectify_and_pool" loses=2 hint="the mean is taken"
def rectify_and_pool(maps):
    return F.avg_pool2d(F.relu(maps), 2)


# %% wrong="the absolute value" of="rectify_and_pool" loses=2 hint="the absolute value is taken"
def rectify_and_pool(maps):
    return F.max_pool2d(maps.abs(), 2)


# %% wrong="filter turned, as in mathematics" of="convolve" loses=4 hint="upside down"
def convolve(image, weights, bias, stride=1):
    kernel = weights.shape[-1]
    windows = image.unfold(1, kernel, stride).unfold(2, kernel, stride)
    return torch.einsum("nckl,cabkl->nab", weights.flip(2, 3), windows) + bias[:, None, None]


# %% wrong="rows and columns of the filter exchanged" of="convolve" loses=4 hint="transposed"
def convolve(image, weights, bias, stride=1):
    kernel = weights.shape[-1]
    windows = image.unfold(1, kernel, stride).unfold(2, kernel, stride)
    return torch.einsum("nclk,cabkl->nab", weights, windows) + bias[:, None, None]


# %% wrong="no bias" of="convolve" loses=3 hint="the bias is missing"
def convolve(image, weights, bias, stride=1):
    kernel = weights.shape[-1]
    windows = image.unfold(1, kernel, stride).unfold(2, kernel, stride)
    return torch.einsum("nckl,cabkl->nab", weights, windows)


# %% wrong="the bias for each channel" of="convolve" loses=3 hint="once for each channel"
def convolve(image, weights, bias, stride=1):
    kernel = weights.shape[-1]
    rows = (image.shape[1] - kernel) // stride + 1
    columns = (image.shape[2] - kernel) // stride + 1
    out = torch.zeros(len(weights), rows, columns)
    for n in range(len(weights)):
        for c in range(len(image)):
            for a in range(rows):
                for b in range(columns):
                    top, left = a * stride, b * stride
                    window = image[c, top : top + kernel, left : left + kernel]
                    out[n, a, b] += (window * weights[n, c]).sum() + bias[n]
    return out


# %% wrong="the mean of the products" of="convolve" loses=4 hint="the mean over all weights"
def convolve(image, weights, bias, stride=1):
    kernel = weights.shape[-1]
    rows = (image.shape[1] - kernel) // stride + 1
    columns = (image.shape[2] - kernel) // stride + 1
    out = torch.zeros(len(weights), rows, columns)
    for a in range(rows):
        for b in range(columns):
            window = image[:, a * stride : a * stride + kernel, b * stride : b * stride + kernel]
            out[:, a, b] = (window * weights).mean((1, 2, 3)) + bias
    return out


# %% wrong="the stride is forgotten" of="convolve" loses=1 hint="convolve with stride 2 has shape (2, 2, 3)"
def convolve(image, weights, bias, stride=1):
    kernel = weights.shape[-1]
    windows = image.unfold(1, kernel, 1).unfold(2, kernel, 1)
    return torch.einsum("nckl,cabkl->nab", weights, windows) + bias[:, None, None]


# %% wrong="the stride counts positions, not pixels" of="convolve" loses=1 hint="does not move the window"
def convolve(image, weights, bias, stride=1):
    kernel = weights.shape[-1]
    rows = (image.shape[1] - kernel) // stride + 1
    columns = (image.shape[2] - kernel) // stride + 1
    out = torch.zeros(len(weights), rows, columns)
    for a in range(rows):
        for b in range(columns):
            out[:, a, b] = (image[:, a : a + kernel, b : b + kernel] * weights).sum((1, 2, 3)) + bias
    return out


# %% wrong="the last row and column are missing" of="convolve" loses=4 hint="has shape (2, 1, 2)"
def convolve(image, weights, bias, stride=1):
    kernel = weights.shape[-1]
    windows = image.unfold(1, kernel, stride).unfold(2, kernel, stride)[:, :-1, :-1]
    return torch.einsum("nckl,cabkl->nab", weights, windows) + bias[:, None, None]


# %% wrong="a ReLU behind it" of="convolve" loses=4 hint="a ReLU is applied"
def convolve(image, weights, bias, stride=1):
    kernel = weights.shape[-1]
    windows = image.unfold(1, kernel, stride).unfold(2, kernel, stride)
    return (torch.einsum("nckl,cabkl->nab", weights, windows) + bias[:, None, None]).relu()


# %% wrong="PyTorch's own convolution" of="convolve" loses=1 hint=""
def convolve(image, weights, bias, stride=1):
    return F.conv2d(image[None], weights, bias, stride)[0]


# %% wrong="the step first" of="receptive_field" loses=3 hint="before the side"
def receptive_field(layers):
    side, step = 1, 1
    for kernel, stride in layers:
        step = step * stride
        side = side + (kernel - 1) * step
    return side, step


# %% wrong="k in place of k - 1" of="receptive_field" loses=3 hint="k - 1 steps"
def receptive_field(layers):
    side, step = 1, 1
    for kernel, stride in layers:
        side, step = side + kernel * step, step * stride
    return side, step


# %% wrong="the own stride in place of the step" of="receptive_field" loses=3 hint="not by the step j"
def receptive_field(layers):
    side, step = 1, 1
    for kernel, stride in layers:
        side, step = side + (kernel - 1) * stride, step * stride
    return side, step


# %% wrong="strides do not count" of="receptive_field" loses=3 hint="left out"
def receptive_field(layers):
    side, step = 1, 1
    for kernel, stride in layers:
        side, step = side + kernel - 1, step * stride
    return side, step


# %% wrong="strides are added" of="receptive_field" loses=3 hint="they multiply"
def receptive_field(layers):
    side, step = 1, 1
    for kernel, stride in layers:
        side, step = side + (kernel - 1) * step, step + stride
    return side, step


# %% wrong="begins at 0" of="receptive_field" loses=3 hint="begins at 0"
def receptive_field(layers):
    side, step = 0, 1
    for kernel, stride in layers:
        side, step = side + (kernel - 1) * step, step * stride
    return side, step


# %% wrong="from the top down" of="receptive_field" loses=3 hint="reverse order"
def receptive_field(layers):
    side, step = 1, 1
    for kernel, stride in reversed(layers):
        side, step = side + (kernel - 1) * step, step * stride
    return side, step


# %% wrong="the layer's own stride" of="receptive_field" loses=3 hint="only the stride of one layer"
def receptive_field(layers):
    side, step = 1, 1
    for kernel, stride in layers:
        side, step = side + (kernel - 1) * step, stride
    return side, step


# %% wrong="not normalised" of="cosine_similarity" loses=3 hint="not divided by their lengths"
def cosine_similarity(features, others):
    return features @ others.T


# %% wrong="one side normalised" of="cosine_similarity" loses=3 hint="the others are not divided"
def cosine_similarity(features, others):
    return F.normalize(features, dim=1) @ others.T


# %% wrong="squared lengths" of="cosine_similarity" loses=3 hint="squared lengths"
def cosine_similarity(features, others):
    lengths = features.square().sum(1)[:, None] * others.square().sum(1)
    return features @ others.T / lengths.clamp(min=1e-12)


# %% wrong="the wrong axis" of="cosine_similarity" loses=3 hint="each dimension is divided"
def cosine_similarity(features, others):
    return F.normalize(features, dim=0) @ F.normalize(others, dim=0).T


# %% wrong="the distance" of="cosine_similarity" loses=3 hint="this is the distance"
def cosine_similarity(features, others):
    return 1 - F.normalize(features, dim=1) @ F.normalize(others, dim=1).T


# %% wrong="sum of absolute values" of="cosine_similarity" loses=3 hint="sum of absolute values"
def cosine_similarity(features, others):
    return F.normalize(features, p=1, dim=1) @ F.normalize(others, p=1, dim=1).T


# %% wrong="zeros become NaN" of="cosine_similarity" loses=1 hint="divided by zero"
def cosine_similarity(features, others):
    return (features @ others.T) / (features.norm(dim=1)[:, None] * others.norm(dim=1))


# %% wrong="a crop and itself count" of="answer_gaps" loses=3 hint=""
same = origin[:, None] == origin
answer_gaps = []
for name in layers:
    likeness = cosine_similarity(features[name], features[name])
    answer_gaps.append(float(likeness[same].mean() - likeness[~same].mean()))


# %% wrong="against all pairs" of="answer_gaps" loses=3 hint=""
same = origin[:, None] == origin
pairs = ~torch.eye(16, dtype=torch.bool)
answer_gaps = []
for name in layers:
    likeness = cosine_similarity(features[name], features[name])
    answer_gaps.append(float(likeness[same & pairs].mean() - likeness[pairs].mean()))
