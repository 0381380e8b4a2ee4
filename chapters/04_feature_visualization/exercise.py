# %% [markdown]
# # Exercise 4: Feature visualisation
#
# Replace each `# YOUR CODE HERE` and the `raise` below it by your code, and run the check below it: it names typical mistakes.
# The checks give no points; hidden tests do. Hand in this one file.

# %% tags=["setup"]
import torch

from innerview.core.spectrum import high_frequency_share
from innerview.course import check, random_images, small_network

seed = 0  # the course's seed

# %% [markdown]
# ## 1. Warm-up: jitter
#
# Jitter by up to $d$ pixels cuts a window out of the image that is $d$ pixels lower and narrower. Its upper left corner is at row $t$ and
# column $l$, which an ascent draws anew from $0, \dots, d$ for each step:
#
# $$J(x)_{i,j} = x_{i + t,\, j + l}, \qquad 0 \le i < h - d, \quad 0 \le j < w - d$$


# %% solution="jittered" kind="warm-up"
def jittered(images, d, top, left):
    """Cut the window whose corner is at row top and column left. images: (b, 3, h, w). Returns (b, 3, h - d, w - d)."""
    ### BEGIN SOLUTION
    height, width = images.shape[-2:]
    return images[..., top : top + height - d, left : left + width - d]
    ### END SOLUTION


# %% check="a-window-of-twelve-pixels"
twelve = torch.arange(12.0).reshape(1, 1, 3, 4)
check(
    jittered(twelve, 1, 1, 0),
    torch.tensor([[4.0, 5.0, 6.0], [8.0, 9.0, 10.0]])[None, None],
    {
        "row and column are exchanged": torch.tensor([[1.0, 2.0, 3.0], [5.0, 6.0, 7.0]])[None, None],
        "the window does not move": torch.tensor([[0.0, 1.0, 2.0], [4.0, 5.0, 6.0]])[None, None],
        "the window lies at the end of the image, whatever row and column are": torch.tensor(
            [[5.0, 6.0, 7.0], [9.0, 10.0, 11.0]]
        )[None, None],
        "the image is shifted the other way, around the border": torch.tensor([[8.0, 9.0, 10.0], [0.0, 1.0, 2.0]])[
            None, None
        ],
    },
    name="jittered",
)

# %% test="windows" points=2
### BEGIN HIDDEN TESTS
moving = random_images(seed + 1, 2, (9, 13))
for d, top, left in [(0, 0, 0), (3, 2, 0), (4, 1, 4), (4, 4, 3)]:
    assert torch.equal(jittered(moving, d, top, left), moving[:, :, top : top + 9 - d, left : left + 13 - d])
### END HIDDEN TESTS

# %% [markdown]
# ## 2. Warm-up: a grid in a gradient
#
# A convolution of stride $s$ treats pixels alike only if they lie at the same place modulo $s$. To see this, average the size of a gradient
# $g$ over all pixels of a place $(p, q)$, over images and over colours. Divide by the mean over all pixels:
#
# $$G_{p,q} = \frac{\mathrm{mean}\, |g_{\dots,\, i s + p,\, j s + q}|}{\mathrm{mean}\, |g|}, \qquad 0 \le p, q < s$$
#
# Height and width are multiples of $s$. Slices with a step help: `gradient[..., p::s, q::s]`.


# %% solution="grid" kind="warm-up"
def grid(gradient, s):
    """Return the mean size by the place modulo s, over the mean of all. gradient: (b, 3, h, w). Returns (s, s)."""
    ### BEGIN SOLUTION
    sizes = gradient.abs()
    rows = [torch.stack([sizes[..., p::s, q::s].mean() for q in range(s)]) for p in range(s)]
    return torch.stack(rows) / sizes.mean()
    ### END SOLUTION


# %% check="four-by-four-pixels"
sixteen = torch.tensor([[1.0, -2.0, 3.0, -6.0], [4.0, 0.0, -4.0, 0.0], [-1.0, 2.0, 1.0, 2.0], [4.0, 8.0, 4.0, -4.0]])[
    None, None
]
check(
    grid(sixteen, 2),
    torch.tensor([[1.5, 3.0], [4.0, 3.0]]) / 2.875,
    {
        "the mean of all is not divided by": [[1.5, 3.0], [4.0, 3.0]],
        "the absolute value is forgotten: signs cancel": torch.tensor([[1.0, -1.0], [2.0, 1.0]]) / 0.75,
        "the absolute value is taken of the means, not of each value": torch.tensor([[1.0, 1.0], [2.0, 1.0]]) / 2.875,
        "blocks of the image are averaged, not places modulo s": torch.tensor([[1.75, 3.25], [3.75, 2.75]]) / 2.875,
        "the values are squared": torch.tensor([[3.0, 12.0], [16.0, 20.0]]) / 12.75,
        "rows and columns are exchanged": torch.tensor([[1.5, 4.0], [3.0, 3.0]]) / 2.875,
    },
    name="grid",
)

# %% test="places" points=2
### BEGIN HIDDEN TESTS
slopes = random_images(seed + 2, 2, (12, 20)) - 0.4
for s in (2, 4):
    places = slopes.abs().mean((0, 1)).unflatten(0, (-1, s)).unflatten(2, (-1, s)).mean((0, 2))
    assert torch.allclose(grid(slopes, s), places / slopes.abs().mean())
### END HIDDEN TESTS

# %% [markdown]
# ## 3. Core: the Fourier parameterization
#
# The ascent changes complex numbers $\theta$, one for each spatial frequency of each plane, and the image follows from them:
#
# $$x = \tfrac{1}{4}\, \mathcal{F}^{-1}\!\left(\frac{\theta}{\max(f,\, 1/\max(w, h))^{d}}\right)$$
#
# - $f$ is the spatial frequency of an entry in cycles per pixel: $f = \sqrt{f_y^2 + f_x^2}$, with $f_y$ from `torch.fft.fftfreq(h)` for the rows and $f_x$ from
#   `torch.fft.rfftfreq(w)` for the columns. Real images need only half of the columns: $\theta$ is `(b, 3, h, w // 2 + 1)`.
# - The inner maximum keeps frequency zero, where $f = 0$, from a division by zero.
# - $\mathcal{F}^{-1}$ is `torch.fft.irfft2(..., s=size, norm="ortho")`, which keeps energies as they are.
# - $d$ is the decay, 1 for photographs; $\frac{1}{4}$ is the factor of the released library.


# %% solution="fourier_planes" kind="core"
def fourier_planes(spectrum, size, decay=1.0):
    """Return the planes of a scaled spectrum.

    spectrum: complex (b, 3, h, w // 2 + 1); size: (h, w). Returns real planes (b, 3, h, w).
    """
    ### BEGIN SOLUTION
    height, width = size
    f = torch.hypot(torch.fft.fftfreq(height)[:, None], torch.fft.rfftfreq(width)[None, :])
    scale = 1 / f.clamp(min=1 / max(size)) ** decay
    return torch.fft.irfft2(spectrum * scale, s=size, norm="ortho") / 4
    ### END SOLUTION


# %% check="one-frequency-at-a-time"
# Four planes of 4 x 6 pixels; each has one entry 1: of f = 0, then 1 / 6 to the right, 1 / 4 downwards, and both.
# The number checked is the first pixel of each.
ones = torch.zeros(1, 4, 4, 4, dtype=torch.complex128)
for plane, (row, column) in enumerate([(0, 0), (0, 1), (1, 0), (1, 1)]):
    ones[0, plane, row, column] = 1
waves = fourier_planes(ones, (4, 6))
check(list(waves.shape), [1, 4, 4, 6], name="shape of fourier_planes")
check(
    list(fourier_planes(ones[..., :3], (4, 5)).shape),
    [1, 4, 4, 5],
    {"the spectrum does not tell an odd width from an even one; `s=size` tells the transform": [1, 4, 4, 4]},
    name="shape of fourier_planes with an odd width",
)
check(
    waves[0, :, 0, 0],
    [0.306186, 0.612372, 0.204124, 0.339683],
    {
        "the spectrum is multiplied by the frequency; divide by it": [0.008505, 0.01701, 0.012758, 0.030666],
        "the spectrum is not scaled": [0.051031, 0.102062, 0.051031, 0.102062],
        "the factor 1/4 is missing": [1.224745, 2.44949, 0.816497, 1.358732],
        'the inverse transform lacks norm="ortho"': [0.0625, 0.125, 0.041667, 0.069338],
        "the least frequency is 1 / min(w, h); it is 1 / max(w, h)": [0.204124, 0.408248, 0.204124, 0.339683],
        "the frequencies of rows and columns are added; take the root of the sum of squares": [
            0.306186,
            0.612372,
            0.204124,
            0.244949,
        ],
        "the root is forgotten: the frequency is the root of the sum of squares": [
            0.306186,
            0.612372,
            0.306186,
            0.612372,
        ],
        "1 / max(w, h) is added to the frequency; it is the least value": [0.306186, 0.306186, 0.122474, 0.218488],
        "frequency zero is dropped; it has the scale of the least frequency": [0.0, 0.612372, 0.204124, 0.339683],
        "the spectrum is divided by the square; the exponent is 1 by default": [1.837117, 3.674235, 0.816497, 1.130534],
    },
    name="fourier_planes",
)
check(
    fourier_planes(ones, (4, 6), decay=2.0)[0, :, 0, 0],
    [1.837117, 3.674235, 0.816497, 1.130534],
    {
        "the decay is not used": [0.306186, 0.612372, 0.204124, 0.339683],
        "the decay multiplies; it is an exponent": [0.612372, 1.224745, 0.408248, 0.679366],
        "the maximum is taken after the power; it is taken of the frequency, before": [
            0.306186,
            0.612372,
            0.306186,
            0.612372,
        ],
    },
    name="fourier_planes with decay 2",
)

# %% test="planes-of-a-square" points=2
### BEGIN HIDDEN TESTS
parts = random_images(seed + 3, 4, (12, 7)) - 0.5
spectra = torch.complex(parts[:2], parts[2:])
lengths = (torch.fft.fftfreq(12)[:, None] ** 2 + torch.fft.rfftfreq(12)[None] ** 2).sqrt()
lengths[0, 0] = 1 / 12
by_hand = torch.fft.irfft2(spectra / lengths, s=(12, 12), norm="ortho") / 4
assert fourier_planes(spectra, (12, 12)).shape == (2, 3, 12, 12)
assert torch.allclose(fourier_planes(spectra, (12, 12)), by_hand, rtol=1e-4, atol=1e-6)
### END HIDDEN TESTS

# %% test="planes-of-a-rectangle" points=2
### BEGIN HIDDEN TESTS
for height, width in [(6, 14), (15, 9)]:
    parts = random_images(seed + 4, 2, (height, width // 2 + 1)) - 0.5
    spectra = torch.complex(parts[:1], parts[1:])
    lengths = (torch.fft.fftfreq(height)[:, None] ** 2 + torch.fft.rfftfreq(width)[None] ** 2).sqrt()
    lengths = torch.maximum(lengths, torch.tensor(1 / max(height, width)))
    by_hand = torch.fft.irfft2(spectra / lengths, s=(height, width), norm="ortho") / 4
    assert torch.allclose(fourier_planes(spectra, (height, width)), by_hand, rtol=1e-4, atol=1e-6)
### END HIDDEN TESTS

# %% test="decay-of-planes" points=1
### BEGIN HIDDEN TESTS
parts = random_images(seed + 5, 2, (8, 5)) - 0.5
spectra = torch.complex(parts[:1], parts[1:])
lengths = (torch.fft.fftfreq(8)[:, None] ** 2 + torch.fft.rfftfreq(8)[None] ** 2).sqrt()
lengths[0, 0] = 1 / 8
for decay in (0.0, 0.5, 1.5):
    by_hand = torch.fft.irfft2(spectra * lengths**-decay, s=(8, 8), norm="ortho") / 4
    assert torch.allclose(fourier_planes(spectra, (8, 8), decay), by_hand, rtol=1e-4, atol=1e-6)
### END HIDDEN TESTS

# %% [markdown]
# ## 4. Core: decorrelated colours
#
# In photographs red, green and blue rise and fall together. Let the ascent change three planes without correlation, and mix them at every pixel:
#
# $$\mathrm{RGB} = \sigma(M\, x), \qquad M = \frac{C}{\max_k \|C_{\cdot k}\|_2}$$
#
# $C$ is the square root of the colours' covariance in ImageNet, given below; its rows are red, green and blue, its columns belong to the planes. $M$ is $C$ divided by one number,
# the length of its longest column. The sigmoid $\sigma$ brings the result into (0, 1).

# %%
C = torch.tensor([[0.26, 0.09, 0.02], [0.27, 0.00, -0.05], [0.27, -0.09, 0.03]], dtype=torch.float64)


# %% solution="to_colors" kind="core"
def to_colors(planes):
    """Mix three planes into colours. planes: double (b, 3, h, w), any real numbers. Returns (b, 3, h, w) in (0, 1)."""
    ### BEGIN SOLUTION
    matrix = C / C.norm(dim=0).max()
    return torch.sigmoid(torch.einsum("rp,bphw->brhw", matrix, planes))
    ### END SOLUTION


# %% check="three-pixels"
# Three pixels in a row; their planes are (1, 0, 0), (0, 2, 0) and (1, 1, -4).
mixed = torch.tensor([[1.0, 0.0, 1.0], [0.0, 2.0, 1.0], [0.0, 0.0, -4.0]], dtype=torch.float64)[None, :, None]
told = {
    "the matrix is turned over: rows are colours, columns are planes": [
        [0.637107, 0.762955, 0.233152], [0.548553, 0.5, 0.725941], [0.510822, 0.446092, 0.419529],
    ],
    "C is not divided by the length of its longest column": [
        [0.564636, 0.544879, 0.567093], [0.567093, 0.5, 0.615384], [0.567093, 0.455121, 0.514996],
    ],
    "C is divided by the length of the whole matrix; take its longest column": [
        [0.631388, 0.592083, 0.636192], [0.636192, 0.5, 0.725688], [0.636192, 0.407917, 0.531009],
    ],
    "C is divided by the length of a row; take columns": [
        [0.712696, 0.652256, 0.719797], [0.719797, 0.5, 0.837849], [0.719797, 0.347744, 0.552223],
    ],
    "each column is divided by its own length; divide all by the longest": [
        [0.637107, 0.80443, 0.493041], [0.642097, 0.5, 0.978729], [0.642097, 0.19557, 0.112118],
    ],
    "C is divided by its largest entry; take the length of its longest column": [
        [0.723715, 0.660756, 0.731059], [0.731059, 0.5, 0.850781], [0.731059, 0.339244, 0.555328],
    ],
    "the sigmoid is missing": [
        [0.562829, 0.389651, 0.584476], [0.584476, 0.0, 1.017421], [0.584476, -0.389651, 0.129884],
    ],
    "the result is clipped; the equation has a sigmoid": [
        [0.562829, 0.389651, 0.584476], [0.584476, 0.0, 1.0], [0.584476, 0.0, 0.129884],
    ],
    "the sigmoid comes before the mixing; it comes last": [
        [0.530521, 0.474663, 0.554668], [0.373168, 0.238120, 0.425339], [0.362344, 0.153107, 0.286025],
    ],
    "the planes are not mixed": [[0.731059, 0.5, 0.731059], [0.5, 0.880797, 0.731059], [0.5, 0.5, 0.017986]],
}  # fmt: skip
check(
    to_colors(mixed),
    torch.tensor([[0.637107, 0.596199, 0.642097], [0.642097, 0.5, 0.73447], [0.642097, 0.403801, 0.532425]])[
        None, :, None
    ],
    {hint: torch.tensor(values)[None, :, None] for hint, values in told.items()},
    name="to_colors",
)

# %% test="mixed-colors" points=3
### BEGIN HIDDEN TESTS
planes = 6 * random_images(seed + 6, 2, (5, 8)) - 3
by_hand = torch.einsum("rp,bphw->brhw", C / (0.26**2 + 0.27**2 + 0.27**2) ** 0.5, planes).sigmoid()
assert torch.allclose(to_colors(planes), by_hand, rtol=1e-5)
### END HIDDEN TESTS

# %% test="range-of-colors" points=1
### BEGIN HIDDEN TESTS
wide = 40 * random_images(seed + 7, 1, (4, 6)) - 20
colors = to_colors(wide)
assert colors.shape == (1, 3, 4, 6) and float(colors.min()) > 0 and float(colors.max()) < 1
assert torch.allclose(colors + to_colors(-wide), torch.ones(1, dtype=torch.float64))
assert float((colors - 0.5).abs().max()) > 0.1
### END HIDDEN TESTS

# %% [markdown]
# ## 5. Open: where high frequencies come from, and what keeps them away
#
# **The grid.** Below are the weights of two convolutions of stride 2 without padding, all positive, so that nothing cancels. Differentiate the mean of the
# second one's output with respect to `image`. `answer_grid` is the largest number of your `grid` of this gradient over the smallest, for $s = 4$.
#
# **The spectrum.** `climbed(numbers, make)` raises a logit of a small network by Adam. It changes `numbers`, of which `make(numbers)` makes an image.
# Do this twice: change `pixels`, of which `to_colors` makes an image, and change `spectrum`, of which `fourier_planes` with `(32, 32)` and then `to_colors` make an image.
# `answer_ratio` is the `high_frequency_share` of the image from the spectrum over that of the image from pixels. Do not round.

# %%
kernel = 3 + 2 * (seed % 2)
first, second = (random_images(seed + k, 3, kernel) for k in (20, 21))
image = random_images(seed + 22, 1, 40)
network, target = small_network(seed + 23), seed % 5
pixels = 0.01 * (random_images(seed + 24, 1, 32) - 0.5)
parts = 0.01 * (random_images(seed + 25, 2, (32, 17)) - 0.5)
spectrum = torch.complex(parts[:1], parts[1:])


def climbed(numbers, make, steps=20):
    """Return the image after some steps."""
    numbers = numbers.clone().requires_grad_()
    adam = torch.optim.Adam([numbers], lr=0.05, maximize=True)
    for _ in range(steps):
        adam.zero_grad()
        network(make(numbers))[:, target].sum().backward()
        adam.step()
    return make(numbers).detach()


# %% solution="answer_grid" kind="open"
### BEGIN SOLUTION
leaf = image.clone().requires_grad_()
output = torch.nn.functional.conv2d(torch.nn.functional.conv2d(leaf, first, stride=2), second, stride=2)
(slope,) = torch.autograd.grad(output.mean(), leaf)
found = grid(slope, 4)
answer_grid = float(found.max() / found.min())
### END SOLUTION

# %% check="is-this-a-ratio"
plausible = torch.as_tensor(answer_grid).numel() == 1 and 1 <= float(answer_grid) < 1000
check(
    plausible,
    True,
    {"answer_grid is one number, largest over smallest, so at least 1": False},
    name="the form of answer_grid",
)

# %% test="the-grid" points=2
### BEGIN HIDDEN TESTS
leaf = image.clone().requires_grad_()
through = torch.nn.functional.conv2d(torch.nn.functional.conv2d(leaf, first, stride=2), second, stride=2).mean()
sizes = (
    torch.autograd.grad(through, leaf)[0].abs().mean((0, 1)).unflatten(0, (-1, 4)).unflatten(2, (-1, 4)).mean((0, 2))
)
assert abs(float(answer_grid) / float(sizes.max() / sizes.min()) - 1) < 1e-4
### END HIDDEN TESTS


# %% solution="answer_ratio" kind="open"
### BEGIN SOLUTION
from_pixels = climbed(pixels, to_colors)
from_spectrum = climbed(spectrum, lambda numbers: to_colors(fourier_planes(numbers, (32, 32))))
answer_ratio = float(high_frequency_share(from_spectrum) / high_frequency_share(from_pixels))
### END SOLUTION

# %% check="is-this-a-ratio-of-shares"
plausible = torch.as_tensor(answer_ratio).numel() == 1 and 0 < float(answer_ratio) < 1000
check(plausible, True, {"answer_ratio is one positive number": False}, name="the form of answer_ratio")

# %% test="the-spectrum" points=2
### BEGIN HIDDEN TESTS
mixing = C / (0.26**2 + 0.27**2 + 0.27**2) ** 0.5
scaling = (torch.fft.fftfreq(32)[:, None] ** 2 + torch.fft.rfftfreq(32)[None] ** 2).sqrt().clamp(min=1 / 32)
shares = []
for numbers in (pixels, spectrum):
    turned = numbers.is_complex()
    inverse = (lambda n: torch.fft.irfft2(n / scaling, s=(32, 32), norm="ortho") / 4) if turned else (lambda n: n)
    made = climbed(numbers, lambda n, inverse=inverse: torch.einsum("rp,bphw->brhw", mixing, inverse(n)).sigmoid())
    shares.append(float(high_frequency_share(made)))
assert abs(float(answer_ratio) / (shares[1] / shares[0]) - 1) < 0.01
### END HIDDEN TESTS
