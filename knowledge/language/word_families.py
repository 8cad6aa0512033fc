"""Words that belong together in English: irregular forms, derived forms, the same meaning, the opposite (pure)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache

from knowledge.language.lexical import terms

_IRREGULAR = """
be been was were is are| become became| begin began begun| break broke broken| bring brought| build built| buy
bought| catch caught| choose chose chosen choice| come came| cost cost| cut cut| deal dealt| do did done| draw
drew drawn| drink drank drunk| drive drove driven| eat ate eaten| fall fell fallen| feel felt| fight fought|
 fly flew flown flight| forbid forbade forbidden| forget forgot forgotten| get got gotten| give gave
given| go went gone| grow grew grown growth| hear heard| hide hid hidden| hold held| keep kept| know knew known|
lay laid| lead led| learn learnt| leave left| lend lent| let let| lose lost loss| make made| mean meant| meet
met| pay paid payment| put put| read read| ride rode ridden| ring rang rung| rise rose risen| run ran| say said|
see saw seen| seek sought| sell sold sale| send sent| set set| shoot shot| show shown| shut shut| sing sang
sung| sink sank sunk| sit sat| sleep slept| speak spoke spoken speech| spend spent| stand stood| steal stole
stolen| stick stuck| strike struck| swear swore sworn| swim swam swum| take took taken| teach taught| tear tore
torn| tell told| think thought| throw threw thrown| understand understood| wake woke woken| wear wore worn| win
won| write wrote written| die dead death| bear bore born birth| choose selection| approve approval| arrive
arrival| decide decision| permit permission| apply application applicant| member membership| able ability| long
length| high height| strong strength| wide width| deep depth| sick sickness| ill illness| pregnant pregnancy|
safe safety| secure security| expire expiry| renew renewal| person people| child children| man men| woman women|
foot feet| life lives| half halves
"""
_COMMON = frozenset(
    """
    able add allow allowed also ask asked become begin believe belong bring call change come common consider
    contain different follow full general go going group happen help hold important include involve keep know
    large let like live located look major make many mean member move much need new number offer old open part
    people place play possible produce provide put reach really receive refer related require result right run
    say see serve set show small start state stay still take talk thing think time try turn type use used using
    various want way well word work world would write give given gave get got find found made create cause lead
    left leave main most more less least other others first last next two three primary responsible describe
    considered associated purpose role effect affect good bad best great high low long short early late end
    function method class file code return returns value values object implement define
    """.split()
)
"""Words that say little whatever a small collection's frequencies say."""


_GROUPS = """
vacation holiday holidays leave pto urlaub
salary salaries pay paid wage wages payment compensation remuneration
ill sick illness sickness unwell
laptop notebook computer machine
wifi wlan wireless wi-fi
phone telephone mobile call hotline
cost costs price fee charge expensive
buy purchase order
begin begins start starts started began
end ends finish expire expires lapse lapses over
boss manager supervisor
employee employees staff worker workers personnel colleague everyone everybody
resign quit notice
home remote remotely
reimburse reimbursed refund refunded repaid claim claimed
maximum max limit most
minimum min least
allowed permitted may can possible permit allow
forbidden prohibited banned
send submit submitted hand
create created made built founded established set
car vehicle automobile
big large size
fast quick quickly speed
soon quickly within
company firm business organisation organization
child children kid baby birth
spouse wife husband partner
doctor physician medical
document doc file
delete deleted remove removed erase
fix repair
show display
choose select pick
get receive obtain entitled
abroad overseas country
lead leads led leader head chair chairs director run runs heads
maternity paternity parental
dog dogs pet pets
take takes took bring
happen happens occur occurs take
place located location where
bill invoice
purpose used use
mandatory required must need obligatory
optional voluntary
""".strip()


_OPPOSITES = """
increase decrease| faster slower| more less fewer| maximum minimum| before after| open close closed| begin end|
start stop| start end| allowed forbidden| paid unpaid| internal external| online offline| buy sell| arrive
depart| enter leave| hire dismiss fire| up down| high low| highest lowest| largest smallest| longest shortest|
oldest youngest newest| first last| north south| east west| northern southern| eastern western| upload download|
input output| public private| hot cold| heavy light| early late| gain lose| win lose| accept reject refuse|
full-time part-time| summer winter| inbound outbound| incoming outgoing| male female| men women| husband wife|
import export| inside outside| same different| better worse| best worst| strong weak| strongest weakest|
permanent temporary| mandatory optional| ascending descending| parent child| encrypt decrypt| lock unlock|
enable disable| install uninstall| breakfast lunch dinner| day night| employer employee| employees contractors
interns freelancers
"""


_LONG = 6
"""Letters from which a word is looked up with a slip in it."""
_SHORTEST, _ENDING = 4, 4
"""Letters of a stem at least, and of the ending that makes a derived form at most."""


@lru_cache(1)
def _bases() -> Mapping[str, str]:
    lines = (line.split() for line in _IRREGULAR.split("|"))
    return {terms(form)[0]: terms(line[0])[0] for line in lines for form in line}


def base(term: str) -> str:
    """Return the term that stands for all forms of an irregular word."""
    return _bases().get(term, term)


def bases(text: str) -> frozenset[str]:
    """Return the terms of a text, all forms of an irregular word as one."""
    known = _bases()
    return frozenset(known.get(term, term) for term in terms(text))


@lru_cache(1)
def _common() -> frozenset[str]:
    return frozenset(base(terms(word)[0]) for word in _COMMON)


def is_common(term: str) -> bool:
    """Say whether a word says little in any collection."""
    return base(term) in _common()


def derived(term: str, vocabulary: Iterable[str]) -> frozenset[str]:
    """Return the words of a vocabulary that are derived from a word, or it from them: inventor and invent."""
    if len(term) < _SHORTEST:
        return frozenset()
    beginning = term[:_SHORTEST]
    near = (other for other in vocabulary if other.startswith(beginning) and other != term)
    return frozenset(other for other in near if _derived(term, other))


def _derived(one: str, other: str) -> bool:
    short, long = (one, other) if len(one) < len(other) else (other, one)
    return len(long) - len(short) <= _ENDING and long.startswith(short)


def misspelt(term: str, vocabulary: Iterable[str]) -> frozenset[str]:
    """Return the words that a long word which no document uses may have been meant for: one letter apart."""
    if len(term) < _LONG or not term.isalpha():
        return frozenset()
    return derived(term, vocabulary) | {
        other for other in vocabulary if abs(len(other) - len(term)) <= 1 and _one_apart(term, other)
    }


def _one_apart(one: str, other: str) -> bool:
    """Say whether one letter too many, missing, wrong, or two changed about make the difference."""
    start = next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    if not start:
        return False
    rest, rest_other = one[start:], other[start:]
    swapped = rest[:2] == rest_other[1::-1] and rest[2:] == rest_other[2:]
    return swapped or rest[1:] == rest_other[1:] or rest[1:] == rest_other or rest == rest_other[1:]


@lru_cache(1)
def _synonyms() -> Mapping[str, frozenset[str]]:
    return _related([[base(terms(word)[0]) for word in line.split()] for line in _GROUPS.splitlines()])


@lru_cache(1)
def _opposites() -> Mapping[str, frozenset[str]]:
    return _related([[base(terms(word)[0]) for word in line.split()] for line in _OPPOSITES.split("|")])


def _related(lines: Iterable[list[str]]) -> Mapping[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for line in lines:
        for word in line:
            found.setdefault(word, set()).update(line)
    return {word: frozenset(others - {word}) for word, others in found.items()}


def synonyms(term: str) -> frozenset[str]:
    """Return the words that mean about the same at work."""
    return _synonyms().get(base(term), frozenset())


def opposites(term: str) -> frozenset[str]:
    """Return the words that mean the opposite."""
    return _opposites().get(base(term), frozenset())
