"""Finds cells that a spreadsheet left unfinished: its errors, formulas not calculated. Pure."""

import re

_ERRORS = frozenset(
    {
        *("#REF!", "#NAME?", "#N/A", "#VALUE!", "#DIV/0!", "#NULL!", "#NUM!", "#SPILL!", "#CALC!", "#GETTING_DATA"),
        *("#BLOCKED!", "#BUSY!", "#CONNECT!", "#EXTERNAL!", "#FIELD!", "#PYTHON!", "#TIMEOUT!", "#UNKNOWN!"),
        *("#ERROR!", "LOADING...", "#VERW!", "#BEZUG!", "#NV", "#WERT!", "#ZAHL!", "#ÜBERLAUF!", "#KALK!", "#FELD!"),
        *("#NOM?", "#VALEUR!", "#NOMBRE!", "#NUL!", "#PROPAGATION!", "#CHAMP!", "#CALCUL!"),
        *("#¡REF!", "#¿NOMBRE?", "#N/D", "#¡VALOR!", "#¡DIV/0!", "#¡NULO!", "#¡NUM!", "#¡DESBORDAMIENTO!", "#¡CALC!"),
        *("#NOME?", "#RIF!", "#VALORE!", "#NULLO!", "#VALOR!", "#NULO!"),
    }
)
"""As Excel, LibreOffice and Google Sheets write them in English, German, French, Spanish, Italian, Portuguese."""
_LIBRE_OFFICE = re.compile(r"Err:\d{3}")
_HASHES = re.compile(r"#{3,}")
_FORMULA = re.compile(
    r"""=\s*[-+(]*
    (?: \$?[A-Z]{1,3}\$?\d{1,7}(?![\w\s]*\w)      # =A2, =$A$2&…; not =A4 sheet of paper
      | R\[?-?\d*\]?C\[?-?\d*\]?(?!\w)            # =R1C1
      | [^\W\d][\w.]*[(\[]                        # =CONCAT(, =Shots[prompt]
      | '[^']+'!\$?[A-Z]                          # ='My sheet'!A1
      | [^\W\d]\w*!\$?[A-Z]                       # =Sheet1!A1
      | "[^"]*"\s*(?:&|$)                         # ="a boat"&…
      | [\d.,]+\s*(?:[-+*/^&%]|$)                 # =5, =5*2
      | [^\W\d][\w.]*$                            # =name
      | \{|\[
    )""",
    re.VERBOSE,
)


def spreadsheet_error(text: str) -> str | None:
    """What is wrong with a cell that holds an error of the spreadsheet, and the remedy."""
    bare = text.strip()
    if bare[:1] not in "#ELl":  # nearly all cells
        return None
    if bare.upper() in _ERRORS or _LIBRE_OFFICE.fullmatch(bare) or _HASHES.fullmatch(bare):
        return "is an error of the spreadsheet: mend it there, or write what should stand here"
    return None


def formula(text: str, *, prose: bool) -> str | None:
    """What is wrong with a cell that holds a formula, and the remedy.

    Args:
        prose: any text may be meant, so that one which only begins with = is no formula yet.
    """
    bare = text.strip()
    if bare.startswith("=") and (not prose or _FORMULA.match(bare)):
        return "is a formula that was not calculated: save the table with its values, or write what it should give"
    return None
