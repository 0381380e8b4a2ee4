# %% [markdown]
# # Exercise 6: CAM and Grad-CAM

# %% tags=["setup"]
import torch

import innerview as iv
from innerview.course import check, random_images, small_network

seed = 0  # the course's seed: an instructor may choose another

# %% [markdown]
# ## 1. Warm-up: the weights of the channels (Eq. 1)
#
# Grad-CAM weighs channel $k$ by the mean of the gradient over all positions: $\alpha_k = \frac{1}{Z}\sum_{ij} \partial y / \partial A_{kij}$.


# %% solution="channel_weights" kind="warm-up"
def channel_weights(gradient):
    """Return the weight of each channel.

    gradient: (b, k, h, w), of the class score with respect to the activations. Returns (b, k).
    """
    ### BEGIN SOLUTION
    return gradient.mean(dim=(-2, -1))
    ### END SOLUTION


# %% check="look at the weights"
gradient = torch.tensor([[[[1.0, 2.0], [3.0, 6.0]], [[-1.0, 0.0], [0.0, -3.0]]]])
check(
    channel_weights(gradient),
    [[3.0, -1.0]],
    {"the gradient is summed, Eq. 1 takes its mean over the Z = h w positions": [[12.0, -4.0]]},
    name="channel_weights",
)

# %% test="weights" points=2
### BEGIN HIDDEN TESTS
hidden = torch.randn(3, 5, 4, 6, generator=torch.Generator().manual_seed(seed + 1))
assert channel_weights(hidden).shape == (3, 5)
assert torch.allclose(channel_weights(hidden), hidden.flatten(2).mean(2), atol=1e-6)
### END HIDDEN TESTS
