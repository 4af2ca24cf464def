"""Names that spell one address in several ways stay several names once it is forgotten."""

from __future__ import annotations

from engine.model.forgotten_names import told_apart

ALIAS = "word@forgotten.invalid"


def test_each_spelling_of_an_address_becomes_a_name_of_its_own_that_tells_nothing_of_it() -> None:
    spelled = [
        "ann@xn--bcher-kva.example",
        "Ann@xn--bcher-kva.example",
        "ann@bücher.example",
        "ANN@bücher.example",
    ]
    told = [told_apart(f"contact:{one}", "ann@xn--bcher-kva.example", ALIAS) for one in spelled]
    assert len(set(told)) == len(spelled)
    assert told[0] == f"contact:{ALIAS}"
    assert all(name.endswith("@forgotten.invalid") for name in told)
