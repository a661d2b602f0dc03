"""Makes `report.png`, the picture of a report in the README: `python samples/report_picture.py`.

The real command runs a rehearsal of a small night in which two things go wrong; its page is opened in Chromium, two
shots are marked by key, and what the browser shows then is the picture. It needs `chromium` and the extra `dev`.
"""

import csv
import io
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

HERE = Path(__file__).parent
WIDTH, HEIGHT = 1280, 1160
COLOURS = 200
"""Of the picture: so it stays small."""
FAULTS = "run~shore=content_policy_violation,run~curtain=runner_server_error"
SHOTS = (
    (
        "s1",
        "A paper boat drifts down a still canal while the afternoon turns to dusk.",
        "boat-day.jpg",
        "boat-dusk.jpg",
    ),
    ("s2", "A lighthouse in drifting morning fog, its beam sweeping slowly over the sea.", "lighthouse.jpg", ""),
    ("s3", "A red kite climbs and dips in a steady desert wind.", "kite.jpg", ""),
    ("s4", "Inside a night train: steam curls from a cup, the lamp sways a little.", "train.jpg", ""),
    ("s5", "The boat reaches the shore at dusk, somebody wades in to meet it.", "boat-dusk.jpg", ""),
    ("s6", "The fog lifts; gulls, and a fishing boat far out.", "lighthouse.jpg", ""),
    ("s7", "The train slows, a town's lights come to a stop behind the curtain.", "train.jpg", ""),
    ("s8", "The kite's shadow runs over the dunes.", "kite.jpg", ""),
)
"""Id, prompt, first and last picture."""
BROWSER = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking")


def rehearse(folder: Path) -> Path:
    """A night by the real command in this folder; the page of its report."""
    shutil.copytree(HERE / "images", folder / "images")
    with (folder / "shots.csv").open("w", encoding="utf-8", newline="") as file:
        rows = ([name, prompt, *(one and f"images/{one}" for one in ends)] for name, prompt, *ends in SHOTS)
        csv.writer(file, lineterminator="\n").writerows([("id", "prompt", "image", "tail_image"), *rows])
    command = [sys.executable, "-m", "batch", "run", "shots.csv", "--sandbox", "--report", "--fault", FAULTS]
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=300)  # noqa: S603 - ours
    page = folder / "shots.sandbox.report.html"
    if ended.returncode != 1 or not page.exists():  # 1: some rows failed, as they were to
        raise SystemExit(f"the rehearsal ended with {ended.returncode}:\n{ended.stdout}{ended.stderr}")
    return page


def photograph(page: Path) -> Image.Image:
    """The page as a browser shows it, with two shots marked."""
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium")
    if chromium is None:
        raise SystemExit("Chromium is not installed: apt-get install chromium")
    with sync_playwright() as playing:
        browser = playing.chromium.launch(executable_path=chromium, args=BROWSER, headless=True)
        window = browser.new_page(
            viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light", reduced_motion="reduce"
        )
        window.goto(page.as_uri())
        window.wait_for_selector(".card video")
        for key in ("ArrowRight", "k", "ArrowRight", "r", "ArrowRight"):
            window.keyboard.press(key)
        window.evaluate("scrollTo(0, 0)")
        window.wait_for_function("[...document.images].every((one) => one.complete)")
        window.wait_for_timeout(500)
        picture = window.screenshot()
        browser.close()
    return Image.open(io.BytesIO(picture)).convert("RGB")


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="kling-batch-") as name:
        picture = photograph(rehearse(Path(name).resolve()))
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "report.png"
    picture.quantize(COLOURS, dither=Image.Dither.NONE).save(target, optimize=True)


if __name__ == "__main__":
    main()
