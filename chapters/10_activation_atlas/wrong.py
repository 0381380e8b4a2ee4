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
# Typical wrong answers to exercise 10. `innerview course check 10` tries them out.


# %% wrong="the edge not added" of="random_positions" loses=2 hint="edge at the left and at the top"
def random_positions(rows, columns, edge, count, draws):
    inside = columns - 2 * edge
    numbers = torch.randperm((rows - 2 * edge) * inside, generator=draws)[:count]
    return torch.stack([numbers // inside, numbers % inside], dim=1)


# %% wrong="column before row" of="random_positions" loses=2 hint="rows and columns are in the other order"
def random_positions(rows, columns, edge, count, draws):
    inside = columns - 2 * edge
    numbers = torch.randperm((rows - 2 * edge) * inside, generator=draws)[:count]
    return torch.stack([numbers % inside + edge, numbers // inside + edge], dim=1)


# %% wrong="drawn with repetition" of="random_positions" loses=2 hint=""
def random_positions(rows, columns, edge, count, draws):
    row = torch.randint(edge, rows - edge, (count,), generator=draws)
    column = torch.randint(edge, columns - edge, (count,), generator=draws)
    return torch.stack([row, column], dim=1)


# %% wrong="not random" of="random_positions" loses=1 hint=""
def random_positions(rows, columns, edge, count, draws):
    inside = columns - 2 * edge
    numbers = torch.arange(count)
    return torch.stack([numbers // inside + edge, numbers % inside + edge], dim=1)


# %% wrong="mean before the product" of="cell_attribution" loses=2 hint="multiply first"
def cell_attribution(activations, gradients):
    return gradients.mean(dim=0) @ activations.mean(dim=0)


# %% wrong="sum over the members" of="cell_attribution" loses=2 hint="sum over the members"
def cell_attribution(activations, gradients):
    return torch.einsum("nk,nck->c", activations, gradients)


# %% wrong="mean over the channels" of="cell_attribution" loses=2 hint="channels are averaged"
def cell_attribution(activations, gradients):
    return (activations[:, None] * gradients).mean(dim=(0, 2))


# %% wrong="x as the row" of="cell_means" loses=4 hint="x and y are exchanged"
def cell_means(layout, activations, density, minimum):
    rows, columns = (layout * density).long().clamp(max=density - 1).unbind(1)
    means = torch.zeros(density, density, activations.shape[1], dtype=activations.dtype)
    for row in range(density):
        for column in range(density):
            inside = (rows == row) & (columns == column)
            if inside.sum() >= minimum:
                means[row, column] = activations[inside].mean(dim=0)
    return means


# %% wrong="y upwards" of="cell_means" loses=4 hint="y points downwards"
def cell_means(layout, activations, density, minimum):
    columns, rows = (layout * density).long().clamp(max=density - 1).unbind(1)
    means = torch.zeros(density, density, activations.shape[1], dtype=activations.dtype)
    for row in range(density):
        for column in range(density):
            inside = (rows == density - 1 - row) & (columns == column)
            if inside.sum() >= minimum:
                means[row, column] = activations[inside].mean(dim=0)
    return means


# %% wrong="sum in place of the mean" of="cell_means" loses=4 hint="are summed"
def cell_means(layout, activations, density, minimum):
    columns, rows = (layout * density).long().clamp(max=density - 1).unbind(1)
    means = torch.zeros(density, density, activations.shape[1], dtype=activations.dtype)
    for row in range(density):
        for column in range(density):
            inside = (rows == row) & (columns == column)
            if inside.sum() >= minimum:
                means[row, column] = activations[inside].sum(dim=0)
    return means


# %% wrong="divided by all" of="cell_means" loses=4 hint="number of all activations"
def cell_means(layout, activations, density, minimum):
    columns, rows = (layout * density).long().clamp(max=density - 1).unbind(1)
    means = torch.zeros(density, density, activations.shape[1], dtype=activations.dtype)
    for row in range(density):
        for column in range(density):
            inside = (rows == row) & (columns == column)
            if inside.sum() >= minimum:
                means[row, column] = activations[inside].sum(dim=0) / len(activations)
    return means


# %% wrong="no minimum" of="cell_means" loses=2 hint="has to stay zero"
def cell_means(layout, activations, density, minimum):
    columns, rows = (layout * density).long().clamp(max=density - 1).unbind(1)
    means = torch.zeros(density, density, activations.shape[1], dtype=activations.dtype)
    for row in range(density):
        for column in range(density):
            inside = (rows == row) & (columns == column)
            if inside.any():
                means[row, column] = activations[inside].mean(dim=0)
    return means


# %% wrong="more than the minimum" of="cell_means" loses=2 hint="exactly the minimum"
def cell_means(layout, activations, density, minimum):
    columns, rows = (layout * density).long().clamp(max=density - 1).unbind(1)
    means = torch.zeros(density, density, activations.shape[1], dtype=activations.dtype)
    for row in range(density):
        for column in range(density):
            inside = (rows == row) & (columns == column)
            if inside.sum() > minimum:
                means[row, column] = activations[inside].mean(dim=0)
    return means


# %% wrong="the last border lost" of="cell_means" loses=2 hint="what lies at 1.0 is lost"
def cell_means(layout, activations, density, minimum):
    columns, rows = (layout * density).long().unbind(1)
    means = torch.zeros(density, density, activations.shape[1], dtype=activations.dtype)
    for row in range(density):
        for column in range(density):
            inside = (rows == row) & (columns == column)
            if inside.sum() >= minimum:
                means[row, column] = activations[inside].mean(dim=0)
    return means


# %% wrong="rounded to the nearest" of="cell_means" loses=4 hint="round down"
def cell_means(layout, activations, density, minimum):
    columns, rows = (layout * density).round().long().clamp(max=density - 1).unbind(1)
    means = torch.zeros(density, density, activations.shape[1], dtype=activations.dtype)
    for row in range(density):
        for column in range(density):
            inside = (rows == row) & (columns == column)
            if inside.sum() >= minimum:
                means[row, column] = activations[inside].mean(dim=0)
    return means


# %% wrong="times d - 1" of="cell_means" loses=4 hint="multiplied by d - 1"
def cell_means(layout, activations, density, minimum):
    columns, rows = (layout * (density - 1)).long().unbind(1)
    means = torch.zeros(density, density, activations.shape[1], dtype=activations.dtype)
    for row in range(density):
        for column in range(density):
            inside = (rows == row) & (columns == column)
            if inside.sum() >= minimum:
                means[row, column] = activations[inside].mean(dim=0)
    return means


# %% wrong="not divided by N" of="whitened_directions" loses=4 hint="divided by the number of activations"
def whitened_directions(activations, directions, ridge):
    moments = activations.T @ activations
    return directions @ torch.linalg.inv(moments + ridge * torch.eye(len(moments), dtype=moments.dtype))


# %% wrong="divided by N - 1" of="whitened_directions" loses=4 hint="divided by N - 1"
def whitened_directions(activations, directions, ridge):
    moments = activations.T @ activations / (len(activations) - 1)
    return directions @ torch.linalg.inv(moments + ridge * torch.eye(len(moments), dtype=moments.dtype))


# %% wrong="centred" of="whitened_directions" loses=4 hint="do not centre"
def whitened_directions(activations, directions, ridge):
    centred = activations - activations.mean(dim=0)
    moments = centred.T @ centred / len(centred)
    return directions @ torch.linalg.inv(moments + ridge * torch.eye(len(moments), dtype=moments.dtype))


# %% wrong="lambda forgotten" of="whitened_directions" loses=4 hint="lambda is missing"
def whitened_directions(activations, directions, ridge):
    return directions @ torch.linalg.inv(activations.T @ activations / len(activations))


# %% wrong="not inverted" of="whitened_directions" loses=4 hint="not inverted"
def whitened_directions(activations, directions, ridge):
    moments = activations.T @ activations / len(activations)
    return directions @ (moments + ridge * torch.eye(len(moments), dtype=moments.dtype))


# %% wrong="the root of S" of="whitened_directions" loses=4 hint="root of S"
def whitened_directions(activations, directions, ridge):
    moments = activations.T @ activations / len(activations)
    values, axes = torch.linalg.eigh(moments)
    return directions @ (axes / (values + ridge).sqrt()) @ axes.T


# %% wrong="inverted number by number" of="whitened_directions" loses=4 hint="inverted on its own"
def whitened_directions(activations, directions, ridge):
    moments = activations.T @ activations / len(activations)
    return directions @ (1 / (moments + ridge * torch.eye(len(moments), dtype=moments.dtype)))


# %% wrong="lambda everywhere" of="whitened_directions" loses=4 hint="it belongs on the diagonal"
def whitened_directions(activations, directions, ridge):
    moments = activations.T @ activations / len(activations) + ridge
    return directions @ torch.linalg.pinv(moments)


# %% wrong="each channel on its own" of="whitened_directions" loses=4 hint="only the diagonal"
def whitened_directions(activations, directions, ridge):
    return directions / (activations.square().mean(dim=0) + ridge)


# %% wrong="no lower bound" of="icon_objective" loses=3 hint="below 0.1 counts as 0.1"
def icon_objective(maps, direction, power):
    dots = torch.einsum("bkij,k->bij", maps, direction)
    cosines = dots / (maps.norm(dim=1) * direction.norm()).clamp(min=1e-8)
    return (dots * cosines**power).mean(dim=(1, 2))


# %% wrong="the bound after the power" of="icon_objective" loses=3 hint="before the power"
def icon_objective(maps, direction, power):
    dots = torch.einsum("bkij,k->bij", maps, direction)
    cosines = dots / (maps.norm(dim=1) * direction.norm()).clamp(min=1e-8)
    return (dots * (cosines**power).clamp(min=0.1)).mean(dim=(1, 2))


# %% wrong="cut at zero" of="icon_objective" loses=3 hint="as 0.1, not as 0"
def icon_objective(maps, direction, power):
    dots = torch.einsum("bkij,k->bij", maps, direction)
    cosines = dots / (maps.norm(dim=1) * direction.norm()).clamp(min=1e-8)
    return (dots * cosines.relu() ** power).mean(dim=(1, 2))


# %% wrong="sum over the positions" of="icon_objective" loses=3 hint="positions are summed"
def icon_objective(maps, direction, power):
    dots = torch.einsum("bkij,k->bij", maps, direction)
    cosines = dots / (maps.norm(dim=1) * direction.norm()).clamp(min=1e-8)
    return (dots * cosines.clamp(min=0.1) ** power).sum(dim=(1, 2))


# %% wrong="power n + 1" of="icon_objective" loses=3 hint="the power is n + 1"
def icon_objective(maps, direction, power):
    dots = torch.einsum("bkij,k->bij", maps, direction)
    cosines = dots / (maps.norm(dim=1) * direction.norm()).clamp(min=1e-8)
    return (dots * cosines.clamp(min=0.1) ** (power + 1)).mean(dim=(1, 2))


# %% wrong="the direction's length missing" of="icon_objective" loses=3 hint="length of the direction is missing"
def icon_objective(maps, direction, power):
    dots = torch.einsum("bkij,k->bij", maps, direction)
    cosines = dots / maps.norm(dim=1).clamp(min=1e-8)
    return (dots * cosines.clamp(min=0.1) ** power).mean(dim=(1, 2))


# %% wrong="the activations' length missing" of="icon_objective" loses=3 hint="length of the activations is missing"
def icon_objective(maps, direction, power):
    dots = torch.einsum("bkij,k->bij", maps, direction)
    return (dots * (dots / direction.norm()).clamp(min=0.1) ** power).mean(dim=(1, 2))


# %% wrong="cosine alone" of="icon_objective" loses=4 hint="the dot product is missing"
def icon_objective(maps, direction, power):
    dots = torch.einsum("bkij,k->bij", maps, direction)
    cosines = dots / (maps.norm(dim=1) * direction.norm()).clamp(min=1e-8)
    return (cosines.clamp(min=0.1) ** power).mean(dim=(1, 2))


# %% wrong="positions averaged first" of="icon_objective" loses=3 hint="positions are averaged first"
def icon_objective(maps, direction, power):
    means = maps.mean(dim=(2, 3))
    dots = means @ direction
    cosines = dots / (means.norm(dim=1) * direction.norm()).clamp(min=1e-8)
    return dots * cosines.clamp(min=0.1) ** power


# %% wrong="divides by zero" of="icon_objective" loses=1 hint="NaN"
def icon_objective(maps, direction, power):
    dots = torch.einsum("bkij,k->bij", maps, direction)
    cosines = dots / (maps.norm(dim=1) * direction.norm())
    return (dots * cosines.clamp(min=0.1) ** power).mean(dim=(1, 2))


# %% wrong="singular values, not squared" of="answer_kept" loses=2 hint=""
answer_kept = []
for vectors in (plain, white):
    found = torch.linalg.svdvals(vectors - vectors.mean(dim=0))
    answer_kept.append(float(found[:2].sum() / found.sum()))

# %% wrong="not centred" of="answer_kept" loses=2 hint=""
answer_kept = []
for vectors in (plain, white):
    squares = torch.linalg.svdvals(vectors).square()
    answer_kept.append(float(squares[:2].sum() / squares.sum()))

# %% wrong="in the other order" of="answer_kept" loses=2 hint=""
answer_kept = []
for vectors in (white, plain):
    squares = torch.linalg.svdvals(vectors - vectors.mean(dim=0)).square()
    answer_kept.append(float(squares[:2].sum() / squares.sum()))
