"""What is written for cron is what a real shell reads, whatever a name holds."""

import os
import shutil
import subprocess

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from batch.core.shell_words import for_cron, preamble, shell_word, words_of

NAMES = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12) | st.text(
    st.sampled_from("'\"\\%\n $`!#&;|*~äß"), max_size=10
)


@settings(max_examples=40)
@given(st.lists(NAMES, min_size=1, max_size=6))
@example(['Schnee & Eis 100% "neu"', "a\nb\n", "it's", "\\", "\\%", "", "-n", "$n", "$(id)", "# kling-batch:"])
@pytest.mark.skipif(not shutil.which("sh"), reason="there is no sh here")
def test_a_shell_reads_the_words_that_were_meant(words: list[str]) -> None:
    """One line, without a line break; and we read it back ourselves."""
    line = preamble(words) + " ".join(map(shell_word, words))
    assert "\n" not in line
    assert words_of(line) == words
    script = f'{preamble(words)}printf "%s\\0" {" ".join(map(shell_word, words))}'
    told = subprocess.run(["sh", "-c", script], capture_output=True, check=True, env={"PATH": os.environ["PATH"]})
    assert told.stdout.decode().split("\0")[:-1] == words


@given(st.lists(NAMES, max_size=6))
def test_no_backslash_stands_where_cron_would_take_it(words: list[str]) -> None:
    """Crons differ in what they take from one; in front of a percent sign they all do the same."""
    line = for_cron(preamble(words) + " ".join(map(shell_word, words)))
    rest = line.replace("\\012.", "").replace("\\134", "").replace("\\%", "")
    assert "\\" not in rest
    assert "%" not in rest


@pytest.mark.parametrize("line", ["echo $HOME", 'a "b', "x > y", "a `id`"])
def test_a_line_of_another_hand_is_not_taken_for_ours(line: str) -> None:
    """Nothing is guessed."""
    with pytest.raises(ValueError, match="not a line of ours"):
        words_of(line)
