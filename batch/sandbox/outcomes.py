"""Lists how a run can end: in a video, in an error of the model or of its runner, or otherwise.

Facts: fal docs, "Model errors" and "Request errors" (types, HTTP codes, shape of `detail`).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields

JSON = dict[str, object]

ERROR_PAGE = "https://docs.fal.ai/errors#"
DIRECTIVE = re.compile(r"\[\[(\w+)(?:\*(\d+))?\]\]")

MODEL_ERRORS: Mapping[str, tuple[int, str, str]] = {
    "internal_server_error": (500, "", "Internal server error"),
    "generation_timeout": (504, "", "Generation timed out"),
    "downstream_service_error": (400, "", "Downstream service error"),
    "downstream_service_unavailable": (500, "", "Downstream service unavailable"),
    "content_policy_violation": (
        422,
        "prompt",
        "The content could not be processed: it was flagged by a content checker",
    ),
    "no_media_generated": (422, "prompt", "No media was generated"),
    "image_too_small": (422, "image_url", "Image is too small"),
    "image_too_large": (422, "image_url", "Image is too large"),
    "image_load_error": (422, "image_url", "Failed to load the image"),
    "unsupported_image_format": (422, "image_url", "Unsupported image format"),
    "face_detection_error": (422, "image_url", "No face was found in the image"),
    "feature_not_supported": (422, "image_url", "Feature not supported"),
    "file_download_error": (422, "image_url", "Failed to download the file"),
    "file_too_large": (422, "image_url", "The file is too large"),
    "error_nobody_documented": (422, "prompt", "An error type that no documentation lists"),
}

REQUEST_ERRORS: Mapping[str, int] = {
    "request_timeout": 504,
    "startup_timeout": 504,
    "runner_scheduling_failure": 503,
    "runner_connection_timeout": 503,
    "runner_disconnected": 503,
    "runner_connection_refused": 503,
    "runner_connection_error": 503,
    "runner_incomplete_response": 502,
    "runner_server_error": 500,
    "internal_error": 500,
    "client_disconnected": 499,
    "client_cancelled": 499,
    "bad_request": 400,
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run comes to. `body` None means success: the body is then made from the video.

    `seconds` replaces the queue's run time; `restarts` is how often the runner dies first, each time
    putting the request back IN_QUEUE (fal docs: a request may go back when a runner dies).
    """

    code: int = 200
    body: JSON | None = None
    error: str | None = None
    error_type: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    seconds: float | None = None
    restarts: int = 0

    @property
    def makes_video(self) -> bool:
        return self.body is None

    def as_json(self) -> JSON:
        return {each.name: getattr(self, each.name) for each in fields(self)}


SUCCESS = Outcome()


def model_error(kind: str, value: object = None) -> Outcome:
    """A documented model error: `{"detail": [{"loc", "msg", "type", "url", "input"}]}`."""
    code, column, message = MODEL_ERRORS[kind]
    where = ["body", column] if column else ["body"]
    fault: JSON = {"loc": where, "msg": message, "type": kind, "url": ERROR_PAGE + kind, "input": value}
    return Outcome(code, {"detail": [fault]}, message, kind)


def invalid(details: list[JSON]) -> Outcome:
    """The runner's refusal of an input: 422 at once, after COMPLETED (fal docs, by example)."""
    return Outcome(422, {"detail": details}, "Input validation failed", str(details[0]["type"]), seconds=0.0)


def request_error(kind: str, message: str = "") -> Outcome:
    """A failure of the platform round the run: `{"detail": "text", "error_type": "…"}` and a header."""
    text = message or kind.replace("_", " ").capitalize()
    headers = {"X-Fal-Error-Type": kind}
    return Outcome(REQUEST_ERRORS[kind], {"detail": text, "error_type": kind}, text, kind, headers)


START_DEADLINE_PASSED = Outcome(
    504,
    {"detail": "Request timed out before a runner started it", "error_type": "request_timeout"},
    "Request timed out before a runner started it",
    "request_timeout",
    {"X-Fal-Error-Type": "request_timeout", "X-Fal-Request-Timeout-Type": "user"},
)
CANCELLED = request_error("client_cancelled", "Request was cancelled by the client")

OTHER_OUTCOMES: Mapping[str, Outcome] = {
    "success": SUCCESS,
    "restart": Outcome(restarts=1),
    "plain_detail_400": Outcome(400, {"detail": "Something is wrong with this request"}, "Something is wrong"),
    "plain_detail_500": Outcome(500, {"detail": "Something went wrong"}, "Something went wrong"),
    "empty_result": Outcome(200, {}),
    "null_video": Outcome(200, {"video": None}),
}


def outcome_named(name: str) -> Outcome | None:
    """The outcome of that name: a model error's type, a request error's, or one of `OTHER_OUTCOMES`."""
    if name in MODEL_ERRORS:
        return model_error(name)
    if name in REQUEST_ERRORS:
        return request_error(name)
    return OTHER_OUTCOMES.get(name)


def names() -> list[str]:
    """Every name that `outcome_named` knows."""
    return sorted({*MODEL_ERRORS, *REQUEST_ERRORS, *OTHER_OUTCOMES})


def directed(given: Mapping[str, object], nth: int) -> Outcome | None:
    """What the prompt itself asks for: `[[content_policy_violation]]`, or `[[internal_server_error*2]]` for the first
    two times that this very input is submitted. `nth` counts them from 1."""
    found = DIRECTIVE.search(str(given.get("prompt", "")))
    if found is None or (found[2] is not None and nth > int(found[2])):
        return None
    return outcome_named(found[1])
