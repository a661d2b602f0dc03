"""The picture of a report: small, as large as a window, and of a night in which what was planned goes wrong."""

import importlib.util
from pathlib import Path
from types import ModuleType

from PIL import Image

from batch.sandbox.faults import Faults

SAMPLES = Path(__file__).resolve().parent.parent / "samples"


def picture_maker() -> ModuleType:
    spec = importlib.util.spec_from_file_location("report_picture", SAMPLES / "report_picture.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


MODULE = picture_maker()


def test_the_committed_one_is_small_and_as_large_as_its_window() -> None:
    """It stands in the README."""
    path = SAMPLES / "report.png"
    assert path.stat().st_size < 200_000
    with Image.open(path) as picture:
        assert picture.size == (MODULE.WIDTH, MODULE.HEIGHT)
        assert len(picture.convert("RGB").getcolors(1 << 20) or ()) > 50
    assert "(samples/report.png)" in (SAMPLES.parent / "README.md").read_text(encoding="utf-8")


def test_its_shots_have_their_pictures_and_its_faults_meet_them() -> None:
    """Each fault one shot."""
    for _, _, *ends in MODULE.SHOTS:
        assert all((SAMPLES / "images" / one).exists() for one in ends if one)
    assert Faults.parse(MODULE.FAULTS)
    for fault in MODULE.FAULTS.split(","):
        words = fault.partition("~")[2].partition("=")[0]
        assert sum(words in prompt for _, prompt, *_ in MODULE.SHOTS) == 1
