# ruff: noqa: RUF001 - words of several alphabets
"""Words that carry no subject: the ones that ask in English, the commonest ones of other languages."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

QUESTION_WORDS = frozenset(
    """
    a about am an and any are as at be been being but by can could did do does doing done for from get had has
    have having he her hers him his how i if in into is it its itself let may me might mine my of on or our ours
    shall she should so some such than that the their theirs them then there these they this those to too was we
    were what when where which while who whom whose why will with would you your yours please tell know
    """.split()
)
"""Words that ask rather than name; left out of a question unless nothing else is left."""

FUNCTION_WORDS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "german": frozenset(
            """
            der die das und ist nicht ein eine einen einem einer wie viele viel was wo wann wer ich wir
            sie es den dem des zu im auf fur mit von habe haben hat kann konnen muss sind wird werden
            bei auch oder wenn welche welcher
            """.split()
        ),
        "french": frozenset(
            """
            le la les un une des du et est pas que qui quoi quel quelle quels quelles comment combien ou
            je nous vous il elle ils dans pour sur avec par au aux ce cette ces sont peut doit faut ai
            avons de
            """.split()
        ),
        "spanish": frozenset(
            """
            el la los las un una unos unas y es no que quien cual cuales como cuanto cuantos cuantas
            donde cuando yo nosotros usted en para por con del al se su sus son puede debe hay tengo
            tiene de
            """.split()
        ),
        "italian": frozenset(
            """
            il lo la gli le un uno una e non che chi cosa quale quali come quanto quanti quante dove
            quando io noi nel nella per con del della dei delle si sono puo deve ho abbiamo di
            """.split()
        ),
        "portuguese": frozenset(
            """
            o os as um uma e nao que quem qual quais como quanto quantos quantas onde quando eu nos em
            no na para por com do da dos das se sao pode deve tenho temos de
            """.split()
        ),
        "dutch": frozenset(
            """
            de het een en is niet wat wie hoe veel waar wanneer welke ik wij we zij van voor met op te
            aan dat die zijn kan moet heb hebben wordt worden bij ook of als
            """.split()
        ),
        "swedish": frozenset(
            """
            och ar inte en ett den det vad vem hur manga var nar vilken vilka jag vi ni for med pa av
            till som att har kan maste blir eller om fran
            """.split()
        ),
        "danish": frozenset(
            """
            og er ikke en et den det hvad hvem hvor mange hvornar hvilken hvilke jeg vi til med pa af
            som at har kan skal bliver eller fra
            """.split()
        ),
        "norwegian": frozenset(
            """
            og er ikke en et den det hva hvem hvor mange nar hvilken hvilke jeg vi til med pa av som at
            har kan ma blir eller fra
            """.split()
        ),
        "russian": frozenset(
            """
            и в не на я что кто как где когда сколько какои какая какие мы вы с по для это из у от до о
            за то ли есть
            """.split()
        ),
    }
)
"""By the name of the stemmer; folded. They tell a text's language, and ask or fill in a question."""
