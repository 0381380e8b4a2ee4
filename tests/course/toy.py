"""A lesson so small that grading it takes seconds: no PyTorch in it."""

from pathlib import Path

EXERCISE = '''# %% [markdown]
# # Exercise 1: Numbers

# %% tags=["setup"]
import math

seed = 0  # the course's seed

# %% [markdown]
# ## 1. Warm-up

# %% solution="double" kind="warm-up"
def double(number):
    """Return twice the number."""
    ### BEGIN SOLUTION
    return 2 * number
    ### END SOLUTION


# %% check="by hand"
assert double(3) == 6, "twice 3 is 6"

# %% test="double-values" points=2
### BEGIN HIDDEN TESTS
assert double(seed + 5) == 2 * (seed + 5)
### END HIDDEN TESTS

# %% test="double-negative" points=1
assert double(-1) == -2

# %% [markdown]
# ## 2. Core

# %% solution="norm" kind="core"
def norm(numbers):
    ### BEGIN SOLUTION
    return math.sqrt(sum(number * number for number in numbers))
    ### END SOLUTION


# %% check="by hand, too"
assert norm([3, 4]) != 25, "the square root is missing"
assert norm([3, 4]) == 5, "the norm of (3, 4) is 5"

# %% test="norm-values" points=3
### BEGIN HIDDEN TESTS
assert math.isclose(norm([1, 2, 2, seed]), math.sqrt(9 + seed**2))
### END HIDDEN TESTS

# %% test="norm-empty" points=1
### BEGIN HIDDEN TESTS
assert norm([]) == 0
### END HIDDEN TESTS

# %% [markdown]
# ## 3. Open

# %% solution="answer" kind="open"
### BEGIN SOLUTION
answer = norm([double(seed), 2])
### END SOLUTION

# %% test="answer-value" points=2
### BEGIN HIDDEN TESTS
assert math.isclose(answer, math.sqrt(4 * seed**2 + 4))
### END HIDDEN TESTS
'''

WRONG = """# %% wrong="adds two" of="double" loses=3 hint="twice 3 is 6"
def double(number):
    return number + 2

# %% wrong="no root" of="norm" loses=3 hint="square root"
def norm(numbers):
    return sum(number * number for number in numbers)

# %% wrong="fails where there is nothing" of="norm" loses=1 hint=""
def norm(numbers):
    if not numbers:
        raise ValueError("empty")
    return math.sqrt(sum(number * number for number in numbers))

# %% wrong="another number" of="answer" loses=2 hint=""
answer = 17
"""
LESSON = """# %% [markdown]
# # 1. Numbers
#
# What is a number?

# %% tags=["parameters"]
network = "efficientnet_lite0"
word = "one"

# %%
print(word, network)

# %% mystnb={"figure": {"caption": "A square."}, "image": {"alt": "A red square"}}
from PIL import Image

Image.new("RGB", (32, 32), "red")

# %% [markdown]
# ## Quiz
#
# **1. Is zero a number?**
#
# <details><summary>Answer</summary>
#
# It is: $0 + a = a$.
#
# </details>
"""
FULL = 9


def toy_root(folder: Path, exercise: str = EXERCISE, wrong: str = WRONG, lesson: str = LESSON) -> Path:
    """Make a repository that holds this one lesson, and return it."""
    home = folder / "chapters" / "01_numbers"
    home.mkdir(parents=True, exist_ok=True)
    (folder / "replication").mkdir(exist_ok=True)
    for name, text in {"exercise.py": exercise, "wrong.py": wrong, "lesson.py": lesson}.items():
        (home / name).write_text(text, encoding="utf-8")
    return folder
