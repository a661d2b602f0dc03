"""Which code page a text is written in, told by what each makes of its bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.table.code_pages import CODE_PAGES, PLAUSIBLE, SHOWN, WINDOWS_1252, candidates, plausibility, sample

WESTERN = [
    "Möwe über dem Fluß, größer als üblich – „Blaue Stunde“ … 5 €, Café Müller; Straße",
    "Une barque dérive à l’aube ; l’œil suit la fenêtre. Ça éclaire « la scène » jusqu’à l’été, une fée créée",
    "¿Qué pasa? El niño corre por la montaña, ¡rápido! Última imagen, corazón",
    "A canção do pescador não acaba; coração, avó, três",
    "Båden flyder på søen, æbler og blå himmel; få år",
    "Vene ajelehtii hiljaa järvellä, hämärässä; pääsky lentää yöllä",
    "It’s a boat — “slowly” … 20° tilt, ½ speed, 5 m² deck, £5, ©2026 Café, Škoda",
]

OTHERS = {
    "Łódź płynie powoli przez kanał, żółte światło, świt i mgła nad wodą; gęś, łóżko": ["cp1250", "iso8859_2", "cp852"],
    "kot siedzi na płocie": ["cp1250"],
    "Loďka pluje pomalu po řece, příliš žluťoučký kůň úpěl ďábelské ódy": ["cp1250"],
    "A csónak lassan úszik a folyón, sűrű köd és őszi erdő, gyönyörű": ["cp1250"],
    "Kağıttan bir tekne kanalda yavaşça süzülüyor, ışıklar yanıyor, gün batımı": ["cp1254"],
    "Бумажная лодка медленно плывёт по каналу, в окнах загорается свет": ["cp1251", "koi8_r", "cp866"],
    "Μια χάρτινη βάρκα πλέει αργά στο κανάλι": ["cp1253"],
    "סירת נייר שטה לאט בתעלה": ["cp1255"],
    "قارب ورقي ينجرف ببطء في القناة": ["cp1256"],
    "เรือกระดาษลอยไปตามคลองอย่างช้าๆ": ["cp874"],
    "紙の船が運河をゆっくりと流れていく。窓に明かりが灯る": ["cp932", "euc_jp"],
    "一只纸船在运河上慢慢漂流，窗户里的灯亮了": ["gbk"],
    "一艘紙船在運河上慢慢漂流，窗戶裡的燈亮了": ["big5"],
    "종이배가 운하를 따라 천천히 떠내려간다": ["cp949"],
    "Popierinis laivelis lėtai plaukia kanalu, languose užsidega šviesos, ąžuolas": ["cp1257"],
    "Möwe über dem Fluß, größer als üblich, Café Müller": ["mac_roman", "cp850"],
}


@pytest.mark.parametrize("text", WESTERN)
def test_a_text_of_western_europe_is_plausible_in_windows_1252(text: str) -> None:
    """It is what Excel writes there; nobody is asked."""
    assert plausibility(text.encode("cp1252").decode("cp1252"), WINDOWS_1252)[0] >= 0.95


@pytest.mark.parametrize(("text", "codec"), [(text, codec) for text, codecs in OTHERS.items() for codec in codecs])
def test_a_text_of_another_code_page_is_not_and_its_own_is_named(text: str, codec: str) -> None:
    """Among the likeliest, with the text as it was written."""
    data = f"prompt,image\n{text},a.png\n".encode(codec)
    try:
        read = data.decode("cp1252")
    except UnicodeDecodeError:
        pass
    else:
        assert plausibility(read, WINDOWS_1252)[0] < PLAUSIBLE
    found = candidates(data)
    assert codec in [name for name, _ in found][:2]
    assert text in dict(found)[codec]
    assert len(found) <= SHOWN


def test_plain_text_fits_everywhere() -> None:
    """There is nothing that could be wrong."""
    assert all(plausibility("a boat", page)[0] == 1.0 for page in CODE_PAGES)


@given(st.binary(max_size=30))
def test_any_bytes_have_candidates_that_can_read_them(data: bytes) -> None:
    """Or none."""
    assert all(data.decode(codec) == text for codec, text in candidates(data))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a;b\nboat;Möwe am Hafen;x\n", "Möwe am Hafen"),
        (f"{'x' * 50} é {'y' * 50}", "xxxxxxxxxxxxxxxxxxx é yyyyyyyyyyyyyyyyyy"),
        ("plain", "plain"),
        ("prompt,image\nEine Möwe, am Hafen,https://x.y/a.png\n", "Eine Möwe, am Hafen"),
    ],
)
def test_a_sample_is_where_the_first_foreign_sign_stands(text: str, shown: str) -> None:
    """Of its cell, and not too long."""
    assert sample(text) == shown
