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
# Typical wrong answers to exercise 5. `innerview course check 5` tries them out.


# %% wrong="no half" of="energy" loses=2 hint="half is missing"
def energy(activations):
    return activations.flatten(1).square().sum(dim=1)


# %% wrong="one number for the whole batch" of="energy" loses=2 hint="too many summed"
def energy(activations):
    return activations.square().sum() / 2


# %% wrong="the length, not its square" of="energy" loses=2 hint="square root is taken"
def energy(activations):
    return activations.flatten(1).norm(dim=1) / 2


# %% wrong="the mean" of="energy" loses=2 hint="mean is taken in place"
def energy(activations):
    return activations.flatten(1).square().mean(dim=1) / 2


# %% wrong="from large to small" of="pyramid" loses=2 hint="begin with the smallest"
def pyramid(images, octaves, scale):
    made = [images]
    for _ in range(octaves - 1):
        made.append(resized(made[-1], [round(side / scale) for side in made[-1].shape[-2:]]))
    return made


# %% wrong="cut to whole numbers" of="pyramid" loses=2 hint="round them"
def pyramid(images, octaves, scale):
    made = [images]
    for _ in range(octaves - 1):
        made.append(resized(made[-1], [int(side / scale) for side in made[-1].shape[-2:]]))
    return made[::-1]


# %% wrong="larger than the photograph" of="pyramid" loses=2 hint="photograph is the largest"
def pyramid(images, octaves, scale):
    made = [images]
    for _ in range(octaves - 1):
        made.append(resized(made[-1], [int(side * scale) for side in made[-1].shape[-2:]]))
    return made


# %% wrong="each octave from the photograph" of="pyramid" loses=2 hint="resized from the photograph"
def pyramid(images, octaves, scale):
    sides = images.shape[-2:]
    return [resized(images, [round(side / scale**o) for side in sides]) for o in reversed(range(octaves))]


# %% wrong="mean over the batch" of="normalised_step" loses=3 hint="over the whole batch"
def normalised_step(images, gradient, step_size):
    return (images + step_size / 255 * gradient / gradient.abs().mean()).clamp(0, 1)


# %% wrong="descent" of="normalised_step" loses=4 hint="down the gradient"
def normalised_step(images, gradient, step_size):
    mean = gradient.abs().mean(dim=(1, 2, 3), keepdim=True)
    return (images - step_size / 255 * gradient / mean).clamp(0, 1)


# %% wrong="no absolute value" of="normalised_step" loses=4 hint="absolute value is forgotten"
def normalised_step(images, gradient, step_size):
    mean = gradient.mean(dim=(1, 2, 3), keepdim=True)
    return (images + step_size / 255 * gradient / mean).clamp(0, 1)


# %% wrong="not clipped" of="normalised_step" loses=1 hint="clip them"
def normalised_step(images, gradient, step_size):
    mean = gradient.abs().mean(dim=(1, 2, 3), keepdim=True)
    return images + step_size / 255 * gradient / mean


# %% wrong="not normalised" of="normalised_step" loses=4 hint="is not normalised"
def normalised_step(images, gradient, step_size):
    return (images + step_size / 255 * gradient).clamp(0, 1)


# %% wrong="levels in place of [0, 1]" of="normalised_step" loses=4 hint="in levels of 255"
def normalised_step(images, gradient, step_size):
    mean = gradient.abs().mean(dim=(1, 2, 3), keepdim=True)
    return (images + step_size * gradient / mean).clamp(0, 1)


# %% wrong="each colour on its own" of="normalised_step" loses=4 hint="each colour channel"
def normalised_step(images, gradient, step_size):
    mean = gradient.abs().mean(dim=(2, 3), keepdim=True)
    return (images + step_size / 255 * gradient / mean).clamp(0, 1)


# %% wrong="standard deviation" of="normalised_step" loses=4 hint="standard deviation"
def normalised_step(images, gradient, step_size):
    spread = gradient.flatten(1).std(dim=1)[:, None, None, None]
    return (images + step_size / 255 * gradient / spread).clamp(0, 1)


# %% wrong="root of the mean square" of="normalised_step" loses=4 hint="RMS"
def normalised_step(images, gradient, step_size):
    size = gradient.square().mean(dim=(1, 2, 3), keepdim=True).sqrt()
    return (images + step_size / 255 * gradient / size).clamp(0, 1)


# %% wrong="no detail carried over" of="dream" loses=4 hint="detail of the smaller octave is lost"
def dream(images, ascend, octaves, scale, steps):
    for base in pyramid(images, octaves, scale):
        dreamt = base
        for _ in range(steps):
            dreamt = ascend(dreamt)
    return dreamt


# %% wrong="the small dream enlarged" of="dream" loses=4 hint="larger photograph never used"
def dream(images, ascend, octaves, scale, steps):
    bases = pyramid(images, octaves, scale)
    dreamt = bases[0]
    for base in bases:
        dreamt = resized(dreamt, base.shape[-2:])
        for _ in range(steps):
            dreamt = ascend(dreamt)
    return dreamt


# %% wrong="the whole dream added" of="dream" loses=4 hint="whole small dream is added"
def dream(images, ascend, octaves, scale, steps):
    bases = pyramid(images, octaves, scale)
    detail = torch.zeros_like(bases[0])
    for base in bases:
        dreamt = base + resized(detail, base.shape[-2:])
        for _ in range(steps):
            dreamt = ascend(dreamt)
        detail = dreamt
    return dreamt


# %% wrong="detail of the last steps only" of="dream" loses=2 hint="octave before the last is lost"
def dream(images, ascend, octaves, scale, steps):
    bases = pyramid(images, octaves, scale)
    detail = torch.zeros_like(bases[0])
    for base in bases:
        began = base + resized(detail, base.shape[-2:])
        dreamt = began
        for _ in range(steps):
            dreamt = ascend(dreamt)
        detail = dreamt - began
    return dreamt


# %% wrong="detail added after the steps" of="dream" loses=4 hint="add it before them"
def dream(images, ascend, octaves, scale, steps):
    bases = pyramid(images, octaves, scale)
    detail = torch.zeros_like(bases[0])
    for base in bases:
        dreamt = base
        for _ in range(steps):
            dreamt = ascend(dreamt)
        dreamt = dreamt + resized(detail, base.shape[-2:])
        detail = dreamt - base
    return dreamt


# %% wrong="photograph and detail clipped" of="dream" loses=4 hint="the photograph with the detail is clipped"
def dream(images, ascend, octaves, scale, steps):
    bases = pyramid(images, octaves, scale)
    detail = torch.zeros_like(bases[0])
    for base in bases:
        dreamt = (base + resized(detail, base.shape[-2:])).clamp(0, 1)
        for _ in range(steps):
            dreamt = ascend(dreamt)
        detail = dreamt - base
    return dreamt


# %% wrong="the result clipped" of="dream" loses=2 hint="the result is clipped"
def dream(images, ascend, octaves, scale, steps):
    bases = pyramid(images, octaves, scale)
    detail = torch.zeros_like(bases[0])
    for base in bases:
        dreamt = base + resized(detail, base.shape[-2:])
        for _ in range(steps):
            dreamt = ascend(dreamt).clamp(0, 1)
        detail = dreamt - base
    return dreamt


# %% wrong="one step at each octave" of="dream" loses=3 hint="two are asked for"
def dream(images, ascend, octaves, scale, steps):
    bases = pyramid(images, octaves, scale)
    detail = torch.zeros_like(bases[0])
    for base in bases:
        dreamt = ascend(base + resized(detail, base.shape[-2:]))
        detail = dreamt - base
    return dreamt


# %% wrong="the detail is returned" of="dream" loses=5 hint="last detail is returned"
def dream(images, ascend, octaves, scale, steps):
    bases = pyramid(images, octaves, scale)
    detail = torch.zeros_like(bases[0])
    for base in bases:
        dreamt = base + resized(detail, base.shape[-2:])
        for _ in range(steps):
            dreamt = ascend(dreamt)
        detail = dreamt - base
    return detail


# %% wrong="all matches added" of="guided_energy" loses=3 hint="all matches are added"
def guided_energy(activations, guide):
    return torch.einsum("bkp,kq->bpq", activations.flatten(2), guide.flatten(1)).sum(dim=(1, 2))


# %% wrong="the mean match" of="guided_energy" loses=3 hint="mean of the matches"
def guided_energy(activations, guide):
    return torch.einsum("bkp,kq->bpq", activations.flatten(2), guide.flatten(1)).mean(dim=2).sum(dim=1)


# %% wrong="the wrong way round" of="guided_energy" loses=3 hint="the other way round"
def guided_energy(activations, guide):
    return torch.einsum("bkp,kq->bpq", activations.flatten(2), guide.flatten(1)).amax(dim=1).sum(dim=1)


# %% wrong="the best of each channel" of="guided_energy" loses=3 hint="for each channel"
def guided_energy(activations, guide):
    products = activations.flatten(2)[:, :, :, None] * guide.flatten(1)[None, :, None]
    return products.amax(dim=3).sum(dim=(1, 2))


# %% wrong="one match for the image" of="guided_energy" loses=3 hint="best match of all"
def guided_energy(activations, guide):
    return torch.einsum("bkp,kq->bpq", activations.flatten(2), guide.flatten(1)).amax(dim=(1, 2))


# %% wrong="cosine" of="guided_energy" loses=3 hint="divided by their lengths"
def guided_energy(activations, guide):
    here, there = F.normalize(activations.flatten(2), dim=1), F.normalize(guide.flatten(1), dim=0)
    return torch.einsum("bkp,kq->bpq", here, there).amax(dim=2).sum(dim=1)


# %% wrong="mean over the positions" of="guided_energy" loses=3 hint="mean over the positions of the dream"
def guided_energy(activations, guide):
    return torch.einsum("bkp,kq->bpq", activations.flatten(2), guide.flatten(1)).amax(dim=2).mean(dim=1)


# %% wrong="steps that are not normalised" of="growth" loses=4 hint=""
def ascended(images):
    source = images.detach().clone().requires_grad_()
    (slope,) = torch.autograd.grad(energy_of(source).sum(), source)
    return (images + 2 / 255 * slope).clamp(0, 1)


dreamt = dream(photograph, ascended, 2, 1.4, 6)
before, after = energy_of(photograph), energy_of(dreamt)
answer_growth = (after / before).item()
answer_kept = (energy_of(dreamt.roll((3, 5), (-2, -1))) / after).item()


# %% wrong="one octave, and the photograph rolled" of="growth" loses=4 hint=""
def ascended(images):
    source = images.detach().clone().requires_grad_()
    (slope,) = torch.autograd.grad(energy_of(source).sum(), source)
    return normalised_step(images, slope, 2)


dreamt = dream(photograph, ascended, 1, 1.4, 6)
before, after = energy_of(photograph), energy_of(dreamt)
answer_growth = (after / before).item()
answer_kept = (energy_of(photograph.roll((3, 5), (-2, -1))) / before).item()


# %% wrong="the difference in place of the ratio" of="growth" loses=4 hint="between 0 and 1"
def ascended(images):
    source = images.detach().clone().requires_grad_()
    (slope,) = torch.autograd.grad(energy_of(source).sum(), source)
    return normalised_step(images, slope, 2)


dreamt = dream(photograph, ascended, 2, 1.4, 6)
before, after = energy_of(photograph), energy_of(dreamt)
answer_growth = (after - before).item()
answer_kept = (after - energy_of(dreamt.roll((3, 5), (-2, -1)))).item()
