"""A column that says of which model each row is: every row is planned by its own."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.core.row import PlannedRow
from batch.errors import ManifestError, UsageError
from batch.job import Models
from batch.manifest.fingerprint import fingerprint
from batch.manifest.loader import Manifest
from jobs.library import models
from tests.support.mixed_models import NEWER, PRO, SPOKEN, models_of

STANDARD = "kling-2.1-standard"
MIXED = (
    "model,prompt,image,text,tail_image,duration\n"
    ",A boat,https://x.y/a.png,,https://x.y/b.png,10\n"
    "kling-3.0-pro,A boat,https://x.y/a.png,,,15\n"
    "spoken,,,Hello there,,\n"
    "kling-2.1-pro,A boat,https://x.y/a.png,,,15\n"
)


def manifest(folder: Path, text: str, known: Models | None = None, **how: object) -> Manifest:
    path = folder / "shots.csv"
    path.write_text(text, encoding="utf-8")
    others = models_of(NEWER, SPOKEN) if known is None else known
    return Manifest(path=path, job=PRO, prices=PRO.prices, models=others, **how)  # type: ignore[arg-type]


def planned(given: Manifest) -> list[PlannedRow]:
    return list(given.plan(given.open()))


def problems(rows: list[PlannedRow]) -> list[str]:
    return [str(one) for row in rows for one in row.problems]


def test_each_row_is_planned_by_the_model_that_it_names(tmp_path: Path) -> None:
    """Its inputs, limits, price and endpoint; an empty cell is the table's own model."""
    pro, newer, spoken, wrong = planned(manifest(tmp_path, MIXED))
    assert pro.endpoint == PRO.endpoint
    assert pro.arguments == {
        "prompt": "A boat",
        "image_url": "https://x.y/a.png",
        "tail_image_url": "https://x.y/b.png",
        "duration": "10",
    }
    assert newer.endpoint == NEWER.endpoint
    assert newer.arguments == {"prompt": "A boat", "start_image_url": "https://x.y/a.png", "duration": "15"}
    assert newer.price == NEWER.prices["15"] if "15" in NEWER.prices else newer.price is None
    assert (spoken.endpoint, spoken.arguments, spoken.price) == (SPOKEN.endpoint, {"text": "Hello there"}, 20_000)
    assert problems([wrong]) == ["row 5, column duration: '15' is not 5 or 10: write one of them"]


def test_equal_inputs_of_two_models_are_two_things(tmp_path: Path) -> None:
    """Neither takes the other's video."""
    other = replace(PRO, name="other", endpoint="fal-ai/other")
    text = "prompt,image,model\na,https://x.y/a.png,\na,https://x.y/a.png,other\n"
    one, two = planned(manifest(tmp_path, text, models_of(other)))
    assert one.arguments == two.arguments
    assert one.fingerprint != two.fingerprint
    assert two.fingerprint == fingerprint(other, two.arguments or {})


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            "kling-3.0-por",
            "'kling-3.0-por' is no model: did you mean kling-3.0-pro or kling-2.1-pro? `kling-batch model",
        ),
        ("Anna", "'Anna' is no model; `kling-batch model list` names them; --ignore Modell.txt"),
        ("mine.py", "'mine.py' is no model; a file is said with --model"),
    ],
)
def test_what_is_no_model_is_a_problem_of_its_row(tmp_path: Path, said: str, told: str) -> None:
    """A table from anywhere names no file that is run. The other rows are as they are."""
    text = f"Model,prompt,image\n{said},a,https://x.y/a.png\n,b,https://x.y/b.png\n"
    wrong, right = planned(manifest(tmp_path, text))
    (message,) = problems([wrong])
    assert message.startswith("row 2, column Model: ")
    assert told.replace("Modell.txt", "Model") in message
    assert not right.problems


def test_a_column_of_ones_own_is_left_alone_on_request(tmp_path: Path) -> None:
    """And nothing of it is read where no other models are known."""
    text = "Model,prompt,image\nAnna,a,https://x.y/a.png\n"
    assert not problems(planned(manifest(tmp_path, text, ignored=["Model"])))
    assert not problems(planned(manifest(tmp_path, text, Models())))


def test_a_model_that_is_said_as_a_file_has_that_name_too(tmp_path: Path) -> None:
    """The table's own model goes by its name and its endpoint."""
    text = f"model,prompt,image\n{PRO.endpoint},a,https://x.y/a.png\n{NEWER.endpoint},b,https://x.y/b.png\n"
    assert [row.endpoint for row in planned(manifest(tmp_path, text))] == [PRO.endpoint, NEWER.endpoint]


def test_the_models_of_the_program_may_be_named(tmp_path: Path) -> None:
    """A row with a tail image at one that takes none is a problem that names another model, as ever."""
    text = (
        "model,prompt,image,tail_image\n"
        f"{STANDARD},a,https://x.y/a.png,https://x.y/b.png\n{STANDARD},a,https://x.y/a.png,\n"
    )
    wrong, right = planned(manifest(tmp_path, text, models(tmp_path / "shots.csv")))
    assert "kling-2.1-pro" in problems([wrong])[0]
    assert right.endpoint.endswith("/v2.1/standard/image-to-video")


def test_a_cell_that_only_another_model_takes_is_noted(tmp_path: Path) -> None:
    """It is left out of the request, which is said: not a problem, for other rows of its column need it."""
    text = "model,prompt,image,negative_prompt,text\nspoken,,,blur,Hello\n,a,https://x.y/a.png,blur,Hello\n"
    spoken, pro = planned(manifest(tmp_path, text))
    assert [str(one) for one in spoken.warnings] == [
        "row 2, column negative_prompt: is not sent: spoken has no such input"
    ]
    assert [one.column for one in pro.warnings] == ["text"]


def test_a_column_that_one_model_lacks_stops_only_its_rows(tmp_path: Path) -> None:
    """Where all rows are of the table's own model it stops the table, as ever."""
    text = "model,text\nspoken,Hello\nkling-3.0-pro,\n,\n"
    assert len(planned(manifest(tmp_path, text))) == 1
    text = "model,text,prompt\nspoken,Hello,\nkling-3.0-pro,,a boat\n"
    spoken, newer = planned(manifest(tmp_path, text))
    assert not spoken.problems
    assert problems([newer]) == [
        "row 3, column image: is needed by kling-3.0-pro, and the table has no such column: add it to the header"
    ]
    with pytest.raises(ManifestError, match="no column for image"):
        planned(manifest(tmp_path, "model,prompt\n,a\nkling-2.1-pro,b\n"))


def test_a_column_is_asked_about_only_where_no_model_reads_it(tmp_path: Path) -> None:
    """`script` is spoken's own word; `durration` is nobody's."""
    text = "model,prompt,image,script,durration\n,a,https://x.y/a.png,,5\nspoken,,,Hello,\n"
    given = manifest(tmp_path, text)
    report = given.column_report(given.open())
    assert [asked.split(":")[0] for asked in report.questions] == ["`durration`"]
    assert report.lines()[:2] == [
        "columns for kling-2.1-pro: prompt, image",
        "kling-2.1-pro: no tail_image column; no duration column: every row 5 s; no negative_prompt column: every row "
        "'blur, distort, and low quality'; no cfg_scale column: every row 0.5",
    ]
    assert "columns for spoken: text from 'script'" in report.lines()
    assert report.json()["models"]["spoken"]["read"] == {"text": "script"}


def test_what_is_mapped_is_mapped_for_every_model_that_knows_the_input(tmp_path: Path) -> None:
    """`image` is `image_url` here and `start_image_url` there; what none knows is told as ever."""
    text = "model,prompt,Bild,Worte\n,a,https://x.y/a.png,\nkling-3.0-pro,a,https://x.y/a.png,\nspoken,,,Hello\n"
    given = manifest(tmp_path, text, mapped={"image": "Bild", "text": "Worte"})
    pro, newer, spoken = planned(given)
    assert (pro.arguments or {})["image_url"] == (newer.arguments or {})["start_image_url"] == "https://x.y/a.png"
    assert spoken.arguments == {"text": "Hello"}
    with pytest.raises(UsageError, match="there is no input 'sound'"):
        planned(replace(given, mapped={"image": "Bild", "sound": "Worte"}))


def test_prices_that_are_told_are_each_models_own(tmp_path: Path) -> None:
    """Those of the table's own model say nothing of another's."""
    given = replace(manifest(tmp_path, MIXED), prices={"10": 7}, other_prices={SPOKEN.endpoint: {"": 9}})
    pro, _, spoken, _ = planned(given)
    assert (pro.price, spoken.price) == (7, 9)
    assert given.settings != replace(given, other_prices={}).settings


def test_a_table_is_read_anew_where_a_model_has_changed(tmp_path: Path) -> None:
    """Whichever: its rows may be of it."""
    given = manifest(tmp_path, MIXED)
    dearer = models_of(NEWER, replace(SPOKEN, prices={"": 30_000}))
    assert given.settings != replace(given, models=dearer).settings


@given(st.lists(st.sampled_from(["", "kling-3.0-pro", "spoken", PRO.name, "nobody's"]), min_size=1, max_size=12))
def test_no_row_is_lost_and_none_is_of_another_model_than_it_names(
    tmp_path_factory: pytest.TempPathFactory, named: list[str]
) -> None:
    """In any order: places rise, and each plan has its cell's endpoint, or a problem."""
    rows = "".join(f"{name},p{at},https://x.y/{at}.png,t{at}\n" for at, name in enumerate(named))
    found = planned(manifest(tmp_path_factory.mktemp("mixed"), f"model,prompt,image,text\n{rows}"))
    endpoints = {"": PRO.endpoint, PRO.name: PRO.endpoint, "kling-3.0-pro": NEWER.endpoint, "spoken": SPOKEN.endpoint}
    assert [plan.place for plan in found] == list(range(len(named)))
    for plan, name in zip(found, named, strict=True):
        assert plan.endpoint == endpoints.get(name, "")
        assert bool(plan.problems) == (name not in endpoints)
        if plan.arguments:
            assert set(plan.arguments.values()) <= {f"p{plan.place}", f"https://x.y/{plan.place}.png", f"t{plan.place}"}
