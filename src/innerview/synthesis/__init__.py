"""Images that a network makes or changes: DeepDream."""

from innerview.synthesis.deepdream import DreamRecipe, deepdream, dream_step, guided, image_gradient, magnified, zoom

__all__ = ["DreamRecipe", "deepdream", "dream_step", "guided", "image_gradient", "magnified", "zoom"]
