"""Titles that were meant for an input, and those that were not: asked about, and left alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.manifest.near_names import NearNames, distance
from jobs.kling import KLING_2_1_PRO as JOB

NAMES = NearNames(JOB.columns, JOB.words, JOB.images, JOB.units)

MEANT = {
    "duration": [
        *("durration", "duraton", "duratoin", "udration", "durations", "Duration (s)", "Duration [sec]", "durationSec"),
        *("duration_seconds", "Duration in seconds", "length", "Clip length", "seconds", "Dur."),
        *("Dauer", "Dauer (Sek.)", "Länge", "Laenge", "LÄNGE", "Sekunden", "Videodauer", "durée", "Durée (s)", "duree"),
        *("Durée en secondes", "duración", "Duracion (seg)", "Duración (segundos)", "segundos"),
    ],
    "tail_image_url": [
        *("tail", "tail_img", "tailImg", "tail frame", "end_frame", "last frame", "End Image URL", "tail image path"),
        *("image_tail", "tail_imagr", "image2", "Endbild", "Schlussbild", "letztes Bild", "image de fin"),
        *("dernière image", "imagen final", "última imagen"),
    ],
    "negative_prompt": [
        *("neg prompt", "neg", "Negative", "negative-promt", "prompt_negative", "negPrompt", "negativ_promt"),
        *("negativer Prompt", "Negativ-Prompt", "Prompt négatif", "prompt negativo"),
    ],
    "cfg_scale": ["cfg", "CFG", "cfg_scal", "cfg scael", "guidance_scale", "cfg-Wert", "échelle CFG", "escala cfg"],
    "prompt": [
        "promt",
        "Prompts",
        "promtp",
        "rpompt",
        "prompt (optional)",
        "Text",
        "Beschreibung",
        "Video prompt",
        "instrucción",
    ],
    "image_url": [
        "imgae",
        "images",
        "image_ulr",
        "picture",
        "img",
        "Bild",
        "Startbild",
        "imagen",
        "image path",
        "Bilddatei",
        "Bild-URL",
    ],
}

FOREIGN = [
    *("note", "my notes", "scene", "shot", "Status", "title", "camera", "style", "seed", "version", "take", "artist"),
    *("date", "length of film", "film length", "runtime", "time", "start", "end", "in", "out", "timecode", "reel"),
    *("action", "direction", "rotation", "narration", "translation", "transition", "location", "iteration"),
    *("detail", "retail", "tailor", "email", "final", "last", "negative space", "config", "scale", "zoom", "guide"),
    *("image credit", "image author", "image notes", "image size", "prompt author", "prompt version", "thumbnail"),
    *("second unit", "frame rate", "frames", "donation", "price", "cost", "budget", "url", "link", "file", "language"),
    *(
        "shot type",
        "camera move",
        "Take #",
        "due date",
        "imported",
        "Promo",
        "Prompted by",
        "image rights",
        "image status",
    ),
    *("Text on screen", "durable", "Startzeit", "Endzeit", "TC in", "Dauerauftrag", "Prompt-Nr", "Bildnachweis"),
    *("length of contract", "negative feedback", "Maßstab", "emplacement", "personnage", "escena", "plano", "notas"),
    *("Szene", "Notiz", "Kamera", "Einstellung", "Titel", "Datum", "Kommentar", "Nr.", "Ort", "Bildrechte"),
    *("scène", "remarque", "auteur", "plan", "numéro", "lieu", "date de tournage", "musique"),
    *("escena", "toma", "nota", "autor", "fecha", "lugar", "número", "comentario", "música"),
]


@pytest.mark.parametrize(("name", "title"), [(name, title) for name, titles in MEANT.items() for title in titles])
def test_a_title_near_an_input_is_asked_about(name: str, title: str) -> None:
    """Misspelt, with its unit, shortened, or in another language."""
    assert NAMES.input_of(title) == name


@pytest.mark.parametrize("title", FOREIGN)
def test_a_column_of_the_users_own_is_left_alone(title: str) -> None:
    """No question without a reason: there is nobody at the screen at night."""
    assert NAMES.input_of(title) is None


def test_every_name_and_word_of_a_job_is_that_input() -> None:
    """In any case, and none of them means two."""
    for name, words in [*JOB.columns.items(), *JOB.words.items()]:
        for word in words:
            assert NAMES.input_of(word) == NAMES.input_of(word.upper()) == name, word


letters = st.text("abcde", max_size=7)


@given(letters, letters)
def test_a_distance_is_the_same_from_both_ends(one: str, other: str) -> None:
    """None is only for what is further apart than was asked; equal texts have none."""
    found = distance(one, other, most=9)
    assert found == distance(other, one, most=9)
    assert (found == 0) == (one == other)
    assert distance(one, other, most=1) == (found if found is not None and found <= 1 else None)


@given(st.text("abcdefgh", min_size=2, max_size=9), st.data())
def test_one_slip_of_the_finger_is_a_distance_of_one(word: str, data: st.DataObject) -> None:
    """A letter left out, doubled, replaced, or swapped with the next."""
    at = data.draw(st.integers(0, len(word) - 2))
    slips = [
        word[:at] + word[at + 1 :],
        word[:at] + word[at] + word[at:],
        word[:at] + "z" + word[at + 1 :],
        word[:at] + word[at + 1] + word[at] + word[at + 2 :],
    ]
    assert all(distance(slip, word, most=1) in ({0, 1} if slip == word else {1}) for slip in slips)


@given(st.text(max_size=20))
def test_any_title_is_an_input_or_none(title: str) -> None:
    """Whatever is in it."""
    assert NAMES.input_of(title) in {None, *JOB.columns}
