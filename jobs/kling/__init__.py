"""The Kling family on fal.ai: a JSON file a model, and what they have in common in `family.json`.

Source of the facts: fal docs, the models' pages and their OpenAPI; the limit of 2,500 characters is upstream's (Kling's
own API), which fal passes on.
"""

from jobs.library import built_in

KLING_2_1_PRO = built_in("kling-2.1-pro")
