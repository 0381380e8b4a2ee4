# %% [markdown]
# Typical wrong answers to exercise 4. `innerview course check 4` tries them out.

# %% wrong="row and column exchanged" of="jittered" loses=2 hint="row and column are exchanged"
def jittered(images, d, top, left):
    height, width = images.shape[-2:]
    return images[..., left : left + height - d, top : top + width - d]


# %% wrong="rolls around the border" of="jittered" loses=2 hint="around the border"
def jittered(images, d, top, left):
    height, width = images.shape[-2:]
    return images.roll((top, left), dims=(-2, -1))[..., : height - d, : width - d]


# %% wrong="not divided by the mean" of="grid" loses=2 hint="not divided by"
def grid(gradient, s):
    sizes = gradient.abs()
    return torch.stack([torch.stack([sizes[..., p::s, q::s].mean() for q in range(s)]) for p in range(s)])


# %% wrong="no absolute value" of="grid" loses=2 hint="signs cancel"
def grid(gradient, s):
    rows = [torch.stack([gradient[..., p::s, q::s].mean() for q in range(s)]) for p in range(s)]
    return torch.stack(rows) / gradient.mean()


# %% wrong="multiplied by the frequency" of="fourier_planes" loses=5 hint="divide by it"
def fourier_planes(spectrum, size, decay=1.0):
    height, width = size
    f = torch.hypot(torch.fft.fftfreq(height)[:, None], torch.fft.rfftfreq(width)[None, :])
    scale = f.clamp(min=1 / max(size)) ** decay
    return torch.fft.irfft2(spectrum * scale, s=size, norm="ortho") / 4


# %% wrong="division by zero" of="fourier_planes" loses=5 hint="divided by zero"
def fourier_planes(spectrum, size, decay=1.0):
    height, width = size
    f = torch.hypot(torch.fft.fftfreq(height)[:, None], torch.fft.rfftfreq(width)[None, :])
    return torch.fft.irfft2(spectrum / f**decay, s=size, norm="ortho") / 4


# %% wrong="another norm" of="fourier_planes" loses=5 hint="norm="
def fourier_planes(spectrum, size, decay=1.0):
    height, width = size
    f = torch.hypot(torch.fft.fftfreq(height)[:, None], torch.fft.rfftfreq(width)[None, :])
    scale = 1 / f.clamp(min=1 / max(size)) ** decay
    return torch.fft.irfft2(spectrum * scale, s=size) / 4


# %% wrong="no factor" of="fourier_planes" loses=5 hint="factor 1/4"
def fourier_planes(spectrum, size, decay=1.0):
    height, width = size
    f = torch.hypot(torch.fft.fftfreq(height)[:, None], torch.fft.rfftfreq(width)[None, :])
    scale = 1 / f.clamp(min=1 / max(size)) ** decay
    return torch.fft.irfft2(spectrum * scale, s=size, norm="ortho")


# %% wrong="frequencies added" of="fourier_planes" loses=5 hint="root of the sum of squares"
def fourier_planes(spectrum, size, decay=1.0):
    height, width = size
    f = torch.fft.fftfreq(height).abs()[:, None] + torch.fft.rfftfreq(width)[None, :]
    scale = 1 / f.clamp(min=1 / max(size)) ** decay
    return torch.fft.irfft2(spectrum * scale, s=size, norm="ortho") / 4


# %% wrong="the shorter side" of="fourier_planes" loses=2 hint="1 / max(w, h)"
def fourier_planes(spectrum, size, decay=1.0):
    height, width = size
    f = torch.hypot(torch.fft.fftfreq(height)[:, None], torch.fft.rfftfreq(width)[None, :])
    scale = 1 / f.clamp(min=1 / min(size)) ** decay
    return torch.fft.irfft2(spectrum * scale, s=size, norm="ortho") / 4


# %% wrong="no decay" of="fourier_planes" loses=1 hint="decay is not used"
def fourier_planes(spectrum, size, decay=1.0):
    height, width = size
    f = torch.hypot(torch.fft.fftfreq(height)[:, None], torch.fft.rfftfreq(width)[None, :])
    scale = 1 / f.clamp(min=1 / max(size))
    return torch.fft.irfft2(spectrum * scale, s=size, norm="ortho") / 4


# %% wrong="no size for the inverse transform" of="fourier_planes" loses=2 hint="`s=size` tells"
def fourier_planes(spectrum, size, decay=1.0):
    height, width = size
    f = torch.hypot(torch.fft.fftfreq(height)[:, None], torch.fft.rfftfreq(width)[None, :])
    scale = 1 / f.clamp(min=1 / max(size)) ** decay
    return torch.fft.irfft2(spectrum * scale, norm="ortho") / 4


# %% wrong="the maximum after the power" of="fourier_planes" loses=1 hint="the maximum is taken after the power"
def fourier_planes(spectrum, size, decay=1.0):
    height, width = size
    f = torch.hypot(torch.fft.fftfreq(height)[:, None], torch.fft.rfftfreq(width)[None, :])
    scale = 1 / (f**decay).clamp(min=1 / max(size))
    return torch.fft.irfft2(spectrum * scale, s=size, norm="ortho") / 4


# %% wrong="matrix turned over" of="to_colors" loses=3 hint="turned over"
def to_colors(planes):
    matrix = C / C.norm(dim=0).max()
    return torch.sigmoid(torch.einsum("pr,bphw->brhw", matrix, planes))


# %% wrong="not normalised" of="to_colors" loses=3 hint="C is not divided"
def to_colors(planes):
    return torch.sigmoid(torch.einsum("rp,bphw->brhw", C, planes))


# %% wrong="length of the whole matrix" of="to_colors" loses=3 hint="length of the whole matrix"
def to_colors(planes):
    return torch.sigmoid(torch.einsum("rp,bphw->brhw", C / C.norm(), planes))


# %% wrong="each column normalised" of="to_colors" loses=3 hint="each column is divided by its own length"
def to_colors(planes):
    return torch.sigmoid(torch.einsum("rp,bphw->brhw", C / C.norm(dim=0), planes))


# %% wrong="no sigmoid" of="to_colors" loses=4 hint="sigmoid is missing"
def to_colors(planes):
    return torch.einsum("rp,bphw->brhw", C / C.norm(dim=0).max(), planes)


# %% wrong="clipped in place of the sigmoid" of="to_colors" loses=4 hint="clipped"
def to_colors(planes):
    return torch.einsum("rp,bphw->brhw", C / C.norm(dim=0).max(), planes).clamp(0, 1)


# %% wrong="rows in place of columns" of="to_colors" loses=3 hint="take columns"
def to_colors(planes):
    return torch.sigmoid(torch.einsum("rp,bphw->brhw", C / C.norm(dim=1).max(), planes))


# %% wrong="the sigmoid before the mixing" of="to_colors" loses=4 hint="the sigmoid comes before the mixing"
def to_colors(planes):
    return torch.einsum("rp,bphw->brhw", C / C.norm(dim=0).max(), planes.sigmoid())


# %% wrong="the grid of one convolution" of="answer_grid" loses=2 hint=""
leaf = image.clone().requires_grad_()
(slope,) = torch.autograd.grad(torch.nn.functional.conv2d(leaf, first, stride=2).mean(), leaf)
answer_grid = float(grid(slope, 4).max() / grid(slope, 4).min())

# %% wrong="the inverse ratio" of="answer_ratio" loses=2 hint=""
from_pixels = climbed(pixels, to_colors)
from_spectrum = climbed(spectrum, lambda numbers: to_colors(fourier_planes(numbers, (32, 32))))
answer_ratio = float(high_frequency_share(from_pixels) / high_frequency_share(from_spectrum))

# %% wrong="no colours for the spectrum" of="answer_ratio" loses=2 hint=""
from_pixels = climbed(pixels, to_colors)
from_spectrum = climbed(spectrum, lambda numbers: fourier_planes(numbers, (32, 32)))
answer_ratio = float(high_frequency_share(from_spectrum) / high_frequency_share(from_pixels))
