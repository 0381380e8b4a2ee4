# %% [markdown]
# Typical wrong answers to exercise 6. `innerview course check 6` tries them out.

# %% wrong="sum in place of the mean" of="channel_weights" loses=2 hint="takes its mean"
def channel_weights(gradient):
    return gradient.sum(dim=(-2, -1))


# %% wrong="the other axes" of="channel_weights" loses=2 hint="expected is (1, 2)"
def channel_weights(gradient):
    return gradient.mean(dim=(0, 1))
