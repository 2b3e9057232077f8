"""Whether data is in the language that was asked for, by the codes and names that data sets write."""


def in_language(found: object, wanted: str) -> bool:
    """`pt-BR`, `pt_BR` and `PT` are in `pt`; `pt` is not in `pt-BR`. What is no text is in no language."""
    if not isinstance(found, str):
        return False
    there, asked = (code.strip().lower().replace("_", "-") for code in (found, wanted))
    return there == asked or there.startswith(asked + "-")
