# %% [markdown]
# # Dots
#
# How many dots are there? As many as {cite}`olah2017feature` would say: $n = 3$.
#
# $$\sum_{i=1}^{n} 1 = n$$

# %% tags=["parameters", "remove-cell"]
preset = "book"
out = "results/book"
settings: dict = {}
device = "auto"
seed = 0

# %%
from innerview.replicate import Run
from replication.toy2016_dots.paper import PAPER, dots, explorer

run = Run.start(PAPER, preset=preset, out=out, settings=settings, device=device, seed=seed)

# %% mystnb={"figure": {"caption": "Dots in a row: count them."}, "image": {"alt": "Blue dots, \"round\": in a row"}}
run.show(dots(run), "dots")

# %%
run.show_page("explorer", explorer, title='Toy & "atlas"')

# %%
run.measure()
