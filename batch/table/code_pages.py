"""Tells how likely a text is to be what a code page makes of its bytes, and which others may be. Pure."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement

PLAUSIBLE = 0.8
"""The part of a text's letters outside ASCII that has to fit a code page's languages."""
SHOWN = 4

_FOREIGN = re.compile(r"[^\x00-\x7f]+")
_CELL_END = re.compile(r'[\r\n\t;|"]|,(?! )')
_QUOTES = frozenset("“”‘’„‚«»‹›…–—•")
_BETWEEN_LETTERS = frozenset("’‘–—·´-")
_BEFORE_LETTERS = frozenset("¿¡µ°„‚«‹“‘–—•…")
_SYMBOLS = frozenset("€£§°®©™²³¹½¼¾×·ªº±µ¿¡•†‡‰¢¥÷´")
_NEUTRAL = frozenset("\u00a0\u00ad\u3000")

_WESTERN = (
    *(
        "äöüß",
        "àâæçéèêëîïôœùûü",
        "áéíñóúü",
        "àáâãçéêíóôõú",
        "àèéìíîòóùú",
        "æøåéèêóòôà",
        "åäöéüšž",
        "àçèéíïòóúü",
        "éëïóöüáè",
    ),
)
"""Of German, French, Spanish, Portuguese, Italian, Danish and Norwegian, Swedish and Finnish, Catalan, Dutch."""
_CENTRAL = ("ąćęłńóśźż", "áčďéěíňóřšťúůýž", "áäčďéíĺľňóôŕšťúýž", "áéíóöőúüű", "čćđšž", "ăâîșşțţ", "äöüß")
_BALTIC = ("ąčęėįšųūž", "āčēģīķļņšūž", "äõöüšž", "ąćęłńóśźż")
_TURKISH = ("çğıöşüâîû",)
_ICELANDIC = ("áðéíóúýþæö",)


@dataclass(frozen=True, slots=True)
class CodePage:
    """One code page and what is written in it.

    Args:
        alphabets: the letters of each of its languages, beside those of ASCII; for other scripts, one range of all.
        common: signs that are many in any text of its languages; those in ranges, as in a regular expression.
    """

    codec: str
    alphabets: Sequence[str] = ()
    script: str = ""
    common: str = ""
    longest: int = 4
    """So many letters outside ASCII may stand in a row, in a language of Latin letters."""


_CJK_SIGNS = r"\u3000-\u303f\uff00-\uffef—…“”‘’·"
_CYRILLIC = r"\u0400-\u04ff«»„“”–—…№"

WINDOWS_1252 = CodePage("cp1252", _WESTERN, longest=2)
CODE_PAGES = (
    CodePage("cp932", script=rf"\u3040-\u30ff\u4e00-\u9fff{_CJK_SIGNS}", common=r"\u3040-\u309f"),
    CodePage("euc_jp", script=rf"\u3040-\u30ff\u4e00-\u9fff{_CJK_SIGNS}", common=r"\u3040-\u309f"),
    CodePage(
        "gbk",
        script=rf"\u4e00-\u9fff{_CJK_SIGNS}",
        common="的一是不了人在有我他这中大来上个到们为子和地出时年得就那要下以",
    ),
    CodePage(
        "big5",
        script=rf"\u4e00-\u9fff{_CJK_SIGNS}",
        common="的一是不了人在有我他這中大來上個到們為子和地出時年得就那要下以",
    ),
    CodePage("cp949", script=rf"\uac00-\ud7a3{_CJK_SIGNS}", common=r"이다는을를에가의은고하지"),
    CodePage("cp1251", script=_CYRILLIC, common="оеаинтсрвл"),
    CodePage("koi8_r", script=_CYRILLIC, common="оеаинтсрвл"),
    CodePage("cp866", script=_CYRILLIC, common="оеаинтсрвл"),
    CodePage("cp1253", script=r"\u0370-\u03ff«»–—…", common="αοιετσνηυρς"),
    CodePage("cp1255", script=r"\u0590-\u05ff–—…", common="יוהלארתבמש"),
    CodePage("cp1256", script=r"\u0600-\u06ff–—…", common="ايلمنوترهبد"),
    CodePage("cp874", script=r"\u0e00-\u0e7f–—…", common="านรอกเงมยล"),
    CodePage("cp1250", _CENTRAL),
    CodePage("iso8859_2", _CENTRAL),
    CodePage("cp852", _CENTRAL),
    CodePage("cp1254", _TURKISH),
    CodePage("cp1257", _BALTIC),
    CodePage("mac_roman", _WESTERN),
    CodePage("cp850", _WESTERN),
    CodePage("cp1252", (*_WESTERN, *_ICELANDIC)),
)
"""Those that spreadsheets write in, by how many people do."""


def plausibility(text: str, page: CodePage) -> tuple[float, float]:
    """The part of the signs outside ASCII that fit the code page's languages, and of those most common in them."""
    if page.script:
        return _of_script(text, page)
    letters: Counter[str] = Counter()
    fits = misfits = 0
    for found in _FOREIGN.finditer(text):
        before, after = text[max(0, found.start() - 1) : found.start()], text[found.end() : found.end() + 1]
        for sign, fitting in _judged(before, found[0], after, page.longest):
            if not fitting:
                misfits += 1
            elif sign.isalpha():
                letters[sign.lower()] += 1
            else:
                fits += 1
    total = fits + misfits + letters.total()
    return ((fits + _covered(letters, page.alphabets)) / total if total else 1.0), 0.0


def _covered(letters: Counter[str], alphabets: Sequence[str]) -> int:
    """How many of the letters are of two of the languages: the table's own, and one of names in it."""
    pairs = combinations_with_replacement(alphabets, 2)
    return max(sum(count for letter, count in letters.items() if letter in one + other) for one, other in pairs)


def _judged(before: str, run: str, after: str, longest: int) -> Iterable[tuple[str, bool]]:
    """Each sign of a run outside ASCII, and whether it may stand there at all, in a language of Latin letters."""
    long = sum(sign.isalpha() for sign in run) > longest and len(set(run)) > 1
    around = f"{before or ' '}{run}{after or ' '}"
    for at, sign in enumerate(run, 1):
        left, right = around[at - 1], around[at + 1]
        if sign in _NEUTRAL:
            continue
        if sign.isalpha() and sign not in "ªºµƒ":
            yield sign, not long and not (sign.isupper() and left.islower())
        elif sign in _QUOTES or sign in _SYMBOLS:
            yield sign, not (_squeezed(sign, left, right) or long)
        else:
            yield sign, False


def _squeezed(sign: str, left: str, right: str) -> bool:
    """Whether a sign that is no letter stands inside a word, or where a word begins."""
    if sign in _BETWEEN_LETTERS:
        return False
    if sign in _BEFORE_LETTERS:
        return left.isalpha() and right.isalpha()
    return right.isalpha()


def _of_script(text: str, page: CodePage) -> tuple[float, float]:
    known, common = re.compile(f"[{page.script}]"), re.compile(f"[{page.common}]")
    fits = often = total = 0
    for found in _FOREIGN.finditer(text):
        last = ""
        # One that is written within a Latin word is an accent of that word, in another code page.
        within = (
            text[max(0, found.start() - 1) : found.start()].isalpha() or text[found.end() : found.end() + 1].isalpha()
        )
        within = within and len(found[0]) < 3
        for sign in found[0]:
            if sign in _NEUTRAL:
                continue
            total += 1
            fits += bool(known.match(sign)) and not within and not (sign.isupper() and last.islower())
            often += bool(common.match(sign))
            last = sign
    return (fits / total, often / total) if total else (1.0, 0.0)


def candidates(data: bytes) -> list[tuple[str, str]]:
    """Code pages that these lines may be written in, likeliest first, each with what it makes of them."""
    found = []
    for place, page in enumerate(CODE_PAGES):
        try:
            text = data.decode(page.codec)
        except UnicodeDecodeError:
            continue
        fits, common = plausibility(text, page)
        if fits >= PLAUSIBLE and not any(unicodedata.category(sign) == "Cc" for sign in text if sign not in "\t\r\n"):
            found.append((-round(fits + common, 2), place, page.codec, text))
    return [(codec, text) for _, _, codec, text in sorted(found)[:SHOWN]]


def sample(text: str, length: int = 40) -> str:
    """The part of a text in which the first sign outside ASCII stands."""
    found = _FOREIGN.search(text)
    if not found:
        return text.strip()[:length]
    ends = [0, *(end.end() for end in _CELL_END.finditer(text, 0, found.start()))]
    start = max(ends[-1], found.start() - length // 2)
    end = _CELL_END.search(text, found.end())
    return text[start : min(end.start() if end else len(text), start + length)].strip()
