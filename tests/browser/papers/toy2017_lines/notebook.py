# %% [markdown]
# # Lines
#
# How long is a line?

# %% tags=["parameters", "remove-cell"]
preset = "book"
out = "results/book"
settings: dict = {}
device = "auto"
seed = 0
