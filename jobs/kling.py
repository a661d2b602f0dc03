"""The Kling family on fal.ai.

Source of the facts: fal docs, the model page of fal-ai/kling-video/v2.1/pro/image-to-video and its OpenAPI.
"""

from batch.job import Job

KLING_2_1_PRO = Job(
    name="kling-2.1-pro",
    endpoint="fal-ai/kling-video/v2.1/pro/image-to-video",
    schema={
        "type": "object",
        "required": ["prompt", "image_url"],
        "additionalProperties": False,
        "properties": {
            # The limit of 2,500 characters is upstream's (Kling's own API); fal passes it on.
            "prompt": {"type": "string", "minLength": 1, "maxLength": 2500},
            "image_url": {"type": "string", "minLength": 1},
            "duration": {"type": "string", "enum": ["5", "10"], "default": "5"},
            "negative_prompt": {"type": "string", "maxLength": 2500, "default": "blur, distort, and low quality"},
            "cfg_scale": {"type": "number", "minimum": 0, "maximum": 1, "default": 0.5},
            "tail_image_url": {"type": "string", "minLength": 1},
        },
    },
    columns={
        "prompt": ("prompt",),
        "image_url": ("image", "image_url"),
        "tail_image_url": ("tail_image", "tail_image_url"),
        "duration": ("duration",),
        "negative_prompt": ("negative_prompt",),
        "cfg_scale": ("cfg_scale",),
    },
    images=("image_url", "tail_image_url"),
    units={"duration": ("s", "sec", "secs", "second", "seconds", "sek")},
    price_by="duration",
    prices={"5": 490_000, "10": 980_000},
    output=("video", "url"),
    typical_seconds=300.0,
)
