"""Which column holds which input: a person's header is understood, or refused with what to do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.errors import BatchError, ManifestError, UsageError
from batch.manifest.columns import find_columns, simple
from jobs.kling import KLING_2_1_PRO as JOB
from tests.support.plans import Line


@pytest.mark.parametrize(
    "header",
    [
        ["Prompt", "IMAGE"],
        ["prompt", "image_url"],
        [" prompt ", "Image URL"],
        ["pro_mpt", "image-url"],
        ["ＰＲＯＭＰＴ", "imageUrl"],
    ],
)
def test_columns_are_found_whatever_their_case_and_dashes(header: list[str]) -> None:
    """A person's header is understood."""
    assert find_columns(header, JOB, {}, {}).inputs == {"prompt": 0, "image_url": 1}


@pytest.mark.parametrize("name", ["tail_image", "tail_image_url", "tail-image", "Tail Image"])
def test_the_tail_image_goes_by_all_its_names(name: str) -> None:
    """Those of the manifest, and fal's own."""
    assert find_columns(["prompt", "image", name], JOB, {}, {}).inputs["tail_image_url"] == 2


def test_two_columns_for_one_input_are_refused_by_name() -> None:
    """Which of them is meant is not guessed."""
    with pytest.raises(
        ManifestError, match=r"'image' \(column 2\) and 'Image_URL' \(column 3\) both mean image: .*--map"
    ):
        find_columns(["prompt", "image", "Image_URL"], JOB, {}, {})


def test_two_columns_of_one_name_are_refused_also_where_the_name_is_mapped() -> None:
    """`--map` cannot say which of them is meant."""
    with pytest.raises(ManifestError, match="more than one column 'prompt'"):
        find_columns(["prompt", "image", "prompt"], JOB, {"prompt": "prompt"}, {})


def test_a_mapping_says_which_column_is_meant() -> None:
    """By the column's own name, or by one like it; the input by any name of it."""
    header = ["Text", "Startbild", "image"]
    assert find_columns(header, JOB, {"prompt": "text", "Image URL": "Startbild"}, {}).inputs == {
        "prompt": 0,
        "image_url": 1,
    }


@pytest.mark.parametrize(
    ("mapped", "said"),
    [
        ({"sound": "Ton"}, "there is no input 'sound'; known are: prompt, image"),
        ({"image": "Bild"}, "no column 'Bild'"),
    ],
)
def test_a_mapping_that_cannot_be_meant_is_refused(mapped: dict[str, str], said: str) -> None:
    """With what there is to choose from."""
    with pytest.raises(UsageError, match=said):
        find_columns(["prompt", "image"], JOB, mapped, {})


def test_missing_columns_are_named_with_those_that_are_there() -> None:
    """And with the two ways to mend it."""
    with pytest.raises(ManifestError) as caught:
        find_columns(["Wer", "Was"], JOB, {}, {})
    text = str(caught.value)
    assert "no column for prompt and no column for image" in text
    assert "'Wer', 'Was'" in text
    assert "--map prompt=COLUMN" in text


def test_a_missing_column_that_goes_by_another_word_is_asked_about() -> None:
    """The line can be copied as it stands."""
    with pytest.raises(ManifestError) as caught:
        find_columns(["Text", "erstes Bild"], JOB, {}, {})
    assert "`Text`: did you mean `prompt`? --map prompt=Text, or --ignore Text" in str(caught.value)
    assert "--map 'image=erstes Bild', or --ignore 'erstes Bild'" in str(caught.value)
    with pytest.raises(ManifestError, match=r"`Bild`: did you mean `image`.*; `Dauer`: did you mean `duration`"):
        find_columns(["Prompt", "Bild", "Dauer"], JOB, {}, {})  # all at once


def test_a_column_near_an_input_without_one_is_a_question() -> None:
    """Not where the input has its column: then it is the user's own."""
    found = find_columns(["prompt", "image", "durration", "tail"], JOB, {}, {})
    assert found.questions == [
        "`durration`: did you mean `duration`? --map duration=durration, or --ignore durration",
        "`tail`: did you mean `tail_image`? --map tail_image=tail, or --ignore tail",
    ]
    assert find_columns(["prompt", "image", "durration", "duration"], JOB, {}, {}).questions == []


@pytest.mark.parametrize(
    ("mapped", "ignored"), [({"duration": "Dauer"}, ()), ({}, ["Dauer"]), ({}, ["dau-er"])], ids=str
)
def test_a_question_is_answered_by_a_mapping_or_by_leaving_the_column_out(
    mapped: dict[str, str], ignored: list[str]
) -> None:
    """And the table is read so from then on."""
    found = find_columns(["prompt", "image", "Dauer"], JOB, mapped, {}, ignored=ignored)
    assert found.questions == []
    assert found.inputs.get("duration") == (2 if mapped else None)
    assert found.unread == (["Dauer"] if ignored else [])


def test_a_column_that_is_left_out_is_no_input_whatever_its_name() -> None:
    """Also where it is named just like one, and where two claim one input."""
    found = find_columns(["prompt", "image", "Image_URL", "tail_image"], JOB, {}, {}, ignored=["image", "tail_image"])
    assert found.inputs == {"prompt": 0, "image_url": 2}
    assert found.unread == ["image", "tail_image"]


@pytest.mark.parametrize(
    ("mapped", "ignored", "said"),
    [
        ({}, ["Ton"], "--ignore Ton: the table has no column 'Ton'; it has: 'prompt'"),
        ({"duration": "Dauer"}, ["Dauer"], "the same column is mapped to duration"),
        ({"image": "image", "image_url": "Dauer"}, [], "image is mapped to 'image' already"),
        ({"Image": "image", "IMAGE": "Dauer"}, [], "image is mapped to 'image' already"),
    ],
)
def test_options_that_contradict_each_other_or_the_table_are_refused(
    mapped: dict[str, str], ignored: list[str], said: str
) -> None:
    """Before anything is read by them."""
    with pytest.raises(UsageError, match=said):
        find_columns(["prompt", "image", "Dauer"], JOB, mapped, {}, ignored=ignored)


def test_what_is_ours_or_has_no_title_is_not_the_users_own() -> None:
    """Whether ours are read or not; of two of one name the last one is ours."""
    header = ["prompt", "image", "", "note", "status", "Status", "status"]
    assert find_columns(header, JOB, {}, {}, ours=["status"]).unread == ["note", "status", "Status"]
    assert find_columns(header, JOB, {}, {"status": "status"}).unread == ["note", "status", "Status"]


@given(
    st.lists(st.text(max_size=12), max_size=8), st.dictionaries(st.text(max_size=6), st.text(max_size=6), max_size=2)
)
def test_any_header_is_understood_or_refused(header: list[str], mapped: dict[str, str]) -> None:
    """Nothing else comes out of it, and what is understood lies within the table."""
    try:
        found = find_columns(header, JOB, mapped, {"status": "status"})
    except BatchError:
        return
    assert set(found.inputs.values()) <= set(range(len(header)))


gaps = st.sampled_from(["", "-", "_", " ", "\u00a0", "\t"])


@given(st.lists(st.tuples(gaps, st.booleans()), min_size=6, max_size=6))
def test_a_name_is_known_however_it_is_spaced_and_cased(how: list[tuple[str, bool]]) -> None:
    """Between any two letters, with any case of each."""
    name = "".join(gap + (c.upper() if upper else c) for c, (gap, upper) in zip("prompt", how, strict=True))
    assert simple(name) == "prompt"
    assert find_columns([name, "image"], JOB, {}, {}).inputs["prompt"] == 0


def test_of_our_own_columns_that_stand_twice_the_last_one_is_ours() -> None:
    """And it is ours only under the very title that it has in this table, case and all."""
    found = find_columns(["prompt", "image", "k_status", "Status", "k_status"], JOB, {}, {"status": "k_status"})
    assert found.own == {"status": 4}
    assert find_columns(["prompt", "image", "Status"], JOB, {}, {"status": "status"}).own == {}


def test_a_column_that_is_named_exactly_is_meant_before_one_that_is_only_like_it() -> None:
    """`--map` with the column's own name is never unclear."""
    header = ["prompt", "Bild", "bild"]
    assert find_columns(header, JOB, {"image": "bild"}, {}).inputs["image_url"] == 2
    with pytest.raises(
        ManifestError, match=r"'Bild' \(column 2\) and 'bild' \(column 3\) both mean image: .*--map image="
    ):
        find_columns(header, JOB, {"image": "BILD"}, {})


def test_a_record_that_is_shorter_than_the_header_has_empty_cells() -> None:
    """So has a column that the table lacks."""
    found = find_columns(["prompt", "image", "id"], JOB, {}, {})
    short = Line(2, ["boat"])
    assert (found.cell(short, 0), found.cell(short, 1), found.cell(short, None)) == ("boat", "", "")


@pytest.mark.parametrize(("columns", "more"), [(12, ""), (13, " and 1 more")])
def test_a_long_header_is_not_listed_whole(columns: int, more: str) -> None:
    """Twelve names are enough to see that it is the wrong table."""
    header = [f"c{n}" for n in range(columns)]
    with pytest.raises(ManifestError) as caught:
        find_columns(header, JOB, {}, {})
    assert f"'c11'{more})" in str(caught.value)
    assert "'c12'" not in str(caught.value)
