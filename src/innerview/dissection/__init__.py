"""What excites the units of a layer: filters, surveys, patches, receptive fields, purity, concepts that units match."""

from innerview.dissection.alignment import Dissection
from innerview.dissection.broden import BrodenConcepts, read_broden
from innerview.dissection.color_names import COLORS, color_masks
from innerview.dissection.concepts import ConceptMasks, Concepts, GivenMasks, JoinedConcepts
from innerview.dissection.dissect import dissect
from innerview.dissection.examples import Examples, Survey
from innerview.dissection.fields import computed_field, computed_fields, gradient_field
from innerview.dissection.filters import Filters, Traits, first_filters, traits
from innerview.dissection.firing import Firing, firing
from innerview.dissection.generated import Effect, concept_shares, dissect_generator, effect, generated
from innerview.dissection.interventions import switched
from innerview.dissection.mask_folders import MaskFolders, read_mask_folders
from innerview.dissection.patches import Box, Field, effective_field, patch, patches, receptive_field, top_patches
from innerview.dissection.pictures import Pictures, Units
from innerview.dissection.pixel_concepts import PixelConcepts, frequency_masks, orientation_masks
from innerview.dissection.purity import purity, random_directions
from innerview.dissection.rotation import rotation
from innerview.dissection.showing import unit_examples
from innerview.dissection.strongest import Strongest, strongest_patches
from innerview.dissection.survey import survey
from innerview.dissection.thresholds import lit, threshold_masks, unit_thresholds

__all__ = [
    "COLORS",
    "Box",
    "BrodenConcepts",
    "ConceptMasks",
    "Concepts",
    "Dissection",
    "Effect",
    "Examples",
    "Field",
    "Filters",
    "Firing",
    "GivenMasks",
    "JoinedConcepts",
    "MaskFolders",
    "Pictures",
    "PixelConcepts",
    "Strongest",
    "Survey",
    "Traits",
    "Units",
    "color_masks",
    "computed_field",
    "computed_fields",
    "concept_shares",
    "dissect",
    "dissect_generator",
    "effect",
    "effective_field",
    "firing",
    "first_filters",
    "frequency_masks",
    "generated",
    "gradient_field",
    "lit",
    "orientation_masks",
    "patch",
    "patches",
    "purity",
    "random_directions",
    "read_broden",
    "read_mask_folders",
    "receptive_field",
    "rotation",
    "strongest_patches",
    "survey",
    "switched",
    "threshold_masks",
    "top_patches",
    "traits",
    "unit_examples",
    "unit_thresholds",
]
