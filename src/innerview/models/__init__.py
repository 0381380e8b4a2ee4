"""Networks in their published form, their layers and activations."""

from innerview.models._torchvision import make_importable

make_importable()  # before anything here, or any library beside us, imports torchvision

from innerview.models.activations import activations, class_logits, evaluate, layer_shapes, leaf, recorded  # noqa: E402
from innerview.models.backbone import Backbone, stage  # noqa: E402
from innerview.models.classifier import as_classes, as_classifier, check_evaluated, class_index, class_labels  # noqa: E402
from innerview.models.labels import imagenet_classes, imagenet_labels  # noqa: E402
from innerview.models.layers import LOGITS, aliases, channels_first, find_layer  # noqa: E402
from innerview.models.registry import EMBEDDED, MODELS, ModelEntry, load_model  # noqa: E402
from innerview.models.relus import ReluCalls, ReluRule, relu_gradient  # noqa: E402

__all__ = [
    "EMBEDDED",
    "LOGITS",
    "MODELS",
    "Backbone",
    "ModelEntry",
    "ReluCalls",
    "ReluRule",
    "activations",
    "aliases",
    "as_classes",
    "as_classifier",
    "channels_first",
    "check_evaluated",
    "class_index",
    "class_labels",
    "class_logits",
    "evaluate",
    "find_layer",
    "imagenet_classes",
    "imagenet_labels",
    "layer_shapes",
    "leaf",
    "load_model",
    "recorded",
    "relu_gradient",
    "stage",
]
