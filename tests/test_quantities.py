"""Quantities: the same value in another spelling is the same value."""

import pytest

from knowledge.language.quantities import quantities, values


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1,000 euros", "1000 euros"),
        ("1.000 Euro", "1,000 euros"),
        ("10%", "10 percent"),
        ("3 May 2024", "2024-05-03"),
        ("May 3rd, 2024", "03.05.2024"),
        ("3. Mai 2024", "3 May 2024"),
        ("05/2016", "May 2016"),
        ("twelve weeks", "12 weeks"),
        ("twenty-five days", "25 days"),
        ("5:30 pm", "17:30"),
        ("9 am", "09:00"),
        ("$5 million", "5,000,000 dollars"),
        ("€2.5k", "2,500 euros"),
        ("SOC-2", "SOC2"),
        ("the 5th floor", "floor 5"),
    ],
)
def test_the_same_value_is_recognised(one, other):
    stated = values(other)
    assert all(part & stated for found in quantities(one) for part in found.parts)
    assert quantities(one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("25 days", "26 days"),
        ("1,000", "10,000"),
        ("version 2.1.3", "version 2.1.4"),
        ("3 May 2024", "3 June 2024"),
        ("9 pm", "09:00"),
        ("5 million", "5"),
        ("ISO 27001", "ISO 27002"),
    ],
)
def test_another_value_is_not(one, other):
    stated = values(other)
    assert any(not part & stated for found in quantities(one) for part in found.parts)
