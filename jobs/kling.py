"""The Kling family on fal.ai.

Source of the facts: fal docs, the model page of fal-ai/kling-video/v2.1/pro/image-to-video and its OpenAPI.
"""

from batch.job import Job

_WORDS = {
    "prompt": (
        *("text", "positive", "positive prompt", "description", "instruction", "caption", "prompt text"),
        *("Beschreibung", "Bildbeschreibung", "Aufforderung", "Anweisung", "Eingabe", "Eingabeaufforderung"),
        *("invite", "consigne", "instruction", "texte", "descripción", "indicación", "instrucción", "texto", "mensaje"),
        *("descrizione", "testo", "descrição"),
    ),
    "image_url": (
        *("picture", "photo", "pic", "img", "still", "frame", "first frame", "start frame", "first image", "keyframe"),
        *("start image", "source image", "input image", "init image", "initial image", "reference image"),
        *("Bild", "Foto", "Startbild", "Anfangsbild", "erstes Bild", "Ausgangsbild", "Eingabebild", "Quellbild"),
        *("image de départ", "image initiale", "première image", "image source", "image de début"),
        *("imagen", "imagen inicial", "primera imagen", "fotograma inicial", "imagen de inicio", "immagine", "imagem"),
    ),
    "tail_image_url": (
        *("tail", "tail frame", "tail picture", "tail photo", "tail img", "tail pic", "end image", "end frame"),
        *("end img", "end picture", "end photo", "last frame", "last image", "last picture", "final frame"),
        *("final image", "final picture", "closing image", "ending image", "second image", "image 2", "image tail"),
        *("Endbild", "Schlussbild", "letztes Bild", "Abschlussbild", "Zielbild", "Endframe", "zweites Bild", "Bild 2"),
        *("image de fin", "image finale", "dernière image", "image d'arrivée", "image fin", "deuxième image"),
        *("imagen final", "última imagen", "imagen de fin", "fotograma final", "último fotograma", "segunda imagen"),
        *("imagen 2", "imagen de cola", "immagine finale", "ultima immagine", "imagem final", "última imagem"),
    ),
    "duration": (
        *("dur", "length", "seconds", "secs", "sec", "time s", "time sec", "time secs", "time seconds"),
        *("video duration", "clip duration", "shot duration", "video length", "clip length", "shot length"),
        *("Dauer", "Länge", "Laenge", "Laufzeit", "Sekunden", "Videodauer", "Clipdauer", "Videolänge", "Cliplänge"),
        *("Zeit s", "Zeit Sek", "Zeit Sekunden", "durée", "longueur", "secondes", "temps s", "durée vidéo"),
        *("durée clip", "durée plan", "duración", "segundos", "tiempo s", "duración video", "duración clip"),
        *("durata", "lunghezza", "secondi", "duração", "duur"),
    ),
    "negative_prompt": (
        *("negative", "negatives", "neg", "neg prompt", "n prompt", "anti prompt", "negative text"),
        *("negativer Prompt", "negativ Prompt", "Negativ", "negative Eingabe", "negative Beschreibung"),
        *("prompt négatif", "négatif", "invite négative", "consigne négative", "texte négatif"),
        *("prompt negativo", "negativo", "indicación negativa", "instrucción negativa", "texto negativo"),
    ),
    "cfg_scale": (
        *("cfg", "guidance", "guidance scale", "cfg value", "cfg strength", "classifier free guidance"),
        *("prompt guidance", "cfg Skala", "cfg Wert", "cfg Faktor", "échelle cfg", "échelle guidage", "guidage"),
        *("valeur cfg", "escala cfg", "escala guía", "valor cfg", "scala cfg", "escala orientação"),
    ),
}
"""What else the inputs are called in English, German, French, Spanish, and near ones."""

_SECONDS = (
    *("s", "sec", "secs", "second", "seconds", "sek", "sekunde", "sekunden", "seconde", "secondes"),
    *("seg", "segs", "segundo", "segundos", "secondo", "secondi"),
)

KLING_2_1_PRO = Job(
    name="kling-2.1-pro",
    endpoint="fal-ai/kling-video/v2.1/pro/image-to-video",
    schema={
        "type": "object",
        "required": ["prompt", "image_url"],
        "additionalProperties": False,
        "properties": {
            # The limit of 2,500 characters is upstream's (Kling's own API); fal passes it on.
            "prompt": {"type": "string", "minLength": 1, "maxLength": 2500, "description": "What happens in the shot."},
            "image_url": {"type": "string", "minLength": 1, "description": "The picture in which the shot begins."},
            "duration": {"type": "string", "enum": ["5", "10"], "default": "5", "description": "Seconds."},
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
    words=_WORDS,
    images=("image_url", "tail_image_url"),
    units={"duration": _SECONDS},
    price_by="duration",
    prices={"5": 490_000, "10": 980_000},
    output=("video", "url"),
    typical_seconds=300.0,
    first=True,
    examples=(
        {
            "id": "s1",
            "prompt": "A paper boat drifts down a still canal; slow push-in, gentle ripples",
            "image": "boards/boat_start.jpg",
            "tail_image": "boards/boat_end.jpg",
            "duration": "5",
        },
        {
            "id": "s2",
            "prompt": "A lighthouse in drifting fog, its beam sweeping slowly over a cold sea",
            "image": "boards/lighthouse.jpg",
            "duration": "10",
        },
    ),
)
