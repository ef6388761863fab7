"""Repairs of Tesseract's Vietnamese: what spelling or a pattern proves, and marks restored by likelihood.

Always keeping `Word.raw`: letters Tesseract writes in another alphabet's code point, letters read for
digits inside dates and numbers, type letters in document numbers, document numbers torn apart at their
hyphen, capitals inside a small word, tone and vowel marks (`restoration`). A digit that was read stays.
"""

import re
import unicodedata
from dataclasses import replace
from functools import lru_cache

from pipeline.reading.figures import mend_date, mend_figures
from pipeline.reading.page_tree import union, with_words
from pipeline.reading.punctuation import mend_signs
from pipeline.reading.restoration import ALPHABET, restore_marks
from pipeline.reading.syllables import is_syllable, strip_tone
from schemas.page import Block, Line, PageText, Word

# Syllables ending in p t c ch take only sắc or nặng. These are the toneless ones where one of the two
# makes up at least 29 in 30 of at least 20 occurrences in 1.75 million syllables of 96 statutes
# (own count). Where the vowel has no circumflex, breve or horn, syllables that have one compete too.
_ACUTE_SYLLABLES = """
ap bât bôc băt bưc bươc cac cach chep châp chât chêt chưc câp cât căt cươc cươp dăt dưt ep ghep
giac giap giup giêt gop gôc hêt ich it khach khich khuyêt khăc kêt lơp met môc nươc phap phep
phưc quyêt quôc rac rut rât sach sat sec soat soc sot suât suôt săc săp săt sưc tach thac thich
thoat thuyêt thươc tiêp tiêt trach trich trăc trươc tuât tôt tăc tăt tưc tươc văc vơt xac xet
xuc xuât xêp yêt âp đich đât đăp ươc
"""
_DOT_SYLLABLES = """
buôc bâc chup chuôc cuôc cưc dich duc duyêt dươc giuc găp hat hoach hoat hoc hoăc hơp kip lac
lich liêt lut luât lâp lêch lôt lưc lươc môt măt ngach nghiêp ngâp ngươc nhiêt nhoc nhuc nhâp
nôp ruôt thiêp thuât trât trưc tuyêt tâp tôc viêc viêt vât vưc vươt đep điêp đoat đâp đăc đăt
đơt đươc
"""
_TAKES_ACUTE = frozenset(_ACUTE_SYLLABLES.split())
_TAKES_DOT = frozenset(_DOT_SYLLABLES.split())
_ACUTE, _DOT = "\u0301", "\u0323"
_VOWEL = re.compile(r"[aăâeêioôơuưy]", re.IGNORECASE)
# iê, yê and uyê are the only nuclei with e after i or y and before a coda: KIÉN can only be KIẾN.
_BARE_E = re.compile(r"(?<=[iyIY])([eE])(?=[\u0300\u0301\u0303\u0309\u0323]?[cmnptuCMNPTU])")
_LETTER_RUN = re.compile(r"[^\W\d_]+")

# Type letters of document numbers that mean nothing else (Nghị định 30/2020/NĐ-CP, appendix III, and
# the bodies that issue them): D is what Tesseract makes of Đ; the slash before them is thin and is lost.
_NUMBER_REPAIRS = (
    (re.compile(r"(?<![^\W\d_])HDND(?![^\W\d_])"), "HĐND"),
    (re.compile(r"(?<=[\d/])ND(?=-CP(?!\w))"), "NĐ"),
    (re.compile(r"(?<=[\d/])QD(?=-(?:TTg|UBND|B))"), "QĐ"),
    (re.compile(r"(?<=TT-)BGDDT(?!\w)"), "BGDĐT"),
    (re.compile(r"(?<=\d/\d{4})(?=(?:NĐ-CP|QĐ-TTg|QĐ-UBND|NQ-HĐND|NQ-CP|TT-B)(?!\d))"), "/"),
)
_NUMBER_HEAD = re.compile(r".*\d/[A-ZĐ][A-Za-zĐ]{0,4}-")  # 15/2020/TT- , 11/CT-
_NUMBER_TAIL = re.compile(r"-?[A-ZĐ]{2,}\w*\W*")  # BGDĐT , -TTg;
# Share of the line's height: the 1st percentile of gaps between words is 0.06 to 0.16 on four real
# pages at 200 to 300 dpi, torn numbers have -0.18 to 0.04.
_TORN_GAP = 0.05


def correct(text: PageText) -> PageText:
    """The page with its misreadings mended; a word that changed keeps what was read in `raw`.

    Where words carry `alternatives` the ink has its say; without them the language model must be surer.
    Correcting twice changes nothing more. Boxes stay, but for the union where two words become one.
    """
    mended = _mend_signs(replace(text, blocks=tuple(_correct_block(block) for block in text.blocks)))
    while True:
        restored = restore_marks(mended)
        mended = with_words(restored, map(_restore_tone, restored.words))
        if mended is restored or mended == restored:
            return restored


@lru_cache(maxsize=20_000)
def correct_token(token: str) -> str:
    """One printed word, mended by spelling alone and NFC; digits that were read stay."""
    mended = mend_figures(unicodedata.normalize("NFC", token).translate(ALPHABET))
    for pattern, letters in _NUMBER_REPAIRS:
        mended = pattern.sub(letters, mended)
    if any(char.isdigit() or char == "/" for char in mended):
        return mended
    return _LETTER_RUN.sub(lambda run: _restore_circumflex(_lower_small_word(run.group())), mended)


def _mend_signs(text: PageText) -> PageText:
    signs = mend_signs([[word.text for word in line.words] for line in text.lines])
    return with_words(text, map(_put, text.words, (word for line in signs for word in line)))


def _correct_block(block: Block) -> Block:
    return replace(block, lines=tuple(_correct_line(line) for line in block.lines))


def _correct_line(line: Line) -> Line:
    height_px = line.box.bottom - line.box.top
    words: list[Word] = []
    for word in map(_correct_word, line.words):
        if words and _is_torn(words[-1], word, height_px):
            words[-1] = _correct_word(_join(words[-1], word))
        else:
            words.append(word)
    dates = mend_date([word.text for word in words])
    return replace(line, words=tuple(_put(word, date) for word, date in zip(words, dates, strict=True)))


def _correct_word(word: Word) -> Word:
    return _put(word, correct_token(word.text))


def _restore_tone(word: Word) -> Word:
    return _put(word, _restore_stop_tones(word.text))


@lru_cache(maxsize=20_000)
def _restore_stop_tones(text: str) -> str:
    if any(char.isdigit() or char == "/" for char in text):
        return text
    return _LETTER_RUN.sub(lambda run: _restore_stop_tone(run.group()), text)


def _put(word: Word, text: str) -> Word:
    return word if text == word.text else replace(word, text=text, raw=_as_read(word))


def _lower_small_word(token: str) -> str:
    """`sỐ` -> `số`: no Vietnamese word starts small and goes on in capitals."""
    if token[0].islower() and not token.islower() and len(token) > 1 and is_syllable(token):
        return token.lower()
    return token


def _restore_circumflex(token: str) -> str:
    """`KIÉN` -> `KIẾN`, `quyét` -> `quyết`; plain ASCII (client) is left alone."""
    if token.isascii() or is_syllable(token):
        return token
    mended = unicodedata.normalize("NFC", _BARE_E.sub("\\1\u0302", unicodedata.normalize("NFD", token)))
    return mended if is_syllable(mended) else token


def _restore_stop_tone(token: str) -> str:
    """`câp` -> `cấp`, `PHÂP` stays: only a syllable with one attested tone, never plain ASCII (Mac, it)."""
    if token.isascii() or is_syllable(token):
        return token
    bare = strip_tone(token)
    folded = bare.lower()
    if folded not in _TAKES_ACUTE and folded not in _TAKES_DOT:
        return token
    tone = _ACUTE if folded in _TAKES_ACUTE else _DOT
    place = [vowel.end() for vowel in _VOWEL.finditer(bare)][-1]
    return unicodedata.normalize("NFC", bare[:place] + tone + bare[place:])


def _is_torn(left: Word, right: Word, height_px: float) -> bool:
    """Are these the two halves of one document number, `15/2020/TT-` and `BGDĐT`?"""
    return (
        right.box.left - left.box.right <= _TORN_GAP * height_px
        and _NUMBER_HEAD.fullmatch(left.text) is not None
        and _NUMBER_TAIL.fullmatch(right.text) is not None
    )


def _join(left: Word, right: Word) -> Word:
    return Word(
        text=left.text + right.text.removeprefix("-"),
        confidence=min(left.confidence, right.confidence),
        box=union((left.box, right.box)),
        raw=f"{_as_read(left)} {_as_read(right)}",
    )


def _as_read(word: Word) -> str:
    return word.text if word.raw is None else word.raw
