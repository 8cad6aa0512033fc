"""The patterns and checksums by which personal data and secrets are told from what only looks like them (pure)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import AddressValueError, IPv6Address


class Label(StrEnum):
    """What a placeholder stands for."""

    PERSON = "PERSON"
    CHANNEL = "CHANNEL"
    GROUP = "GROUP"
    EMAIL = "EMAIL"
    PHONE = "PHONE"
    IBAN = "IBAN"
    CARD = "CARD"
    IP = "IP"
    SECRET = "SECRET"  # noqa: S105 - the word that stands in the placeholder


@dataclass(frozen=True, slots=True)
class Sensitive:
    """Something personal or secret in a text."""

    start: int
    end: int
    label: str
    """In capitals: what the placeholder says it stands for. Ours are `Label`'s."""
    value: str = ""
    """What tells one from another: the same value gets the same placeholder. Empty: the text itself."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A pattern whose group `value`, or else the whole of it, is what must go."""

    label: Label
    pattern: re.Pattern[str]
    accept: Callable[[str], bool] = lambda _: True
    """Looks closer at what the pattern has found: a checksum, a date."""

    def find(self, text: str) -> Iterator[Sensitive]:
        """Yield what stands in the text."""
        group = "value" if "value" in self.pattern.groupindex else 0
        identity = "id" if "id" in self.pattern.groupindex else group
        for match in self.pattern.finditer(text):
            if self.accept(match[group]):
                yield Sensitive(match.start(group), match.end(group), self.label, match[identity] or match[group])


def normal_form(label: str, value: str) -> str:
    """Write a value so that its spellings are one: digits of a number, lower case of an address."""
    if label in {Label.PHONE, Label.CARD}:
        return re.sub(r"^00", "", "".join(filter(str.isdigit, value)))
    if label is Label.IBAN:
        return "".join(filter(str.isalnum, value)).upper()
    return value.casefold() if label in {Label.EMAIL, Label.IP} else value


# --- Secrets ---------------------------------------------------------------------------------------------------------

_KEY_BLOCK = re.compile(
    r"-----BEGIN (?P<kind>[A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?)-----"
    r"(?:.*?-----END (?P=kind)-----|[A-Za-z0-9+/=\s\\]*)",
    re.DOTALL,
)
_TOKEN = re.compile(
    r"(?<![A-Za-z0-9_-])(?:"
    r"xox[a-z](?:\.xox[a-z])?-[A-Za-z0-9-]{8,}"  # Slack
    r"|xapp-\d-[A-Za-z0-9-]{8,}"
    r"|sk-(?:[a-z]+\d*-)*[A-Za-z0-9_-]{16,}"  # Anthropic, OpenAI
    r"|[spr]k_(?:live|test)_[A-Za-z0-9]{10,}|whsec_[A-Za-z0-9]{16,}"  # Stripe
    r"|(?:AKIA|ASIA|AROA|AIDA)[A-Z0-9]{16}"  # Amazon
    r"|gh[opsur]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}"
    r"|glpat-[A-Za-z0-9_-]{16,}|gl[a-z]{2,4}-[A-Za-z0-9_-]{20,}"
    r"|AIza[A-Za-z0-9_-]{30,}|ya29\.[A-Za-z0-9_-]{16,}|GOCSPX-[A-Za-z0-9_-]{16,}"  # Google
    r"|(?:hf|npm|pcsk|dop_v1|lin_api|shpat|tvly|gsk|r8|xai|nvapi|pplx)[_-][A-Za-z0-9_-]{18,}"
    r"|pypi-[A-Za-z0-9_-]{32,}"
    r"|SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}"  # SendGrid
    r"|eyJ[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]*"  # JSON web tokens
    r")(?![A-Za-z0-9_])"
)
_WEBHOOK = re.compile(
    r"https?://(?:hooks\.slack\.com/(?:services|workflows|triggers)"
    r"|discord(?:app)?\.com/api/webhooks|[\w.-]+\.webhook\.office\.com/webhookb2)/(?P<value>[^\s<>|\"')]+)"
)
_AUTHORIZATION = re.compile(r"\b(?:Bearer|Basic|Token)\s+(?P<value>[A-Za-z0-9._~+/-]{16,}=*)", re.IGNORECASE)
_ASSIGNED = re.compile(
    r"(?:pass(?:word|wd|phrase|wort|code)?|pwd|kennwort|secret|token|api[ _-]?key|access[ _-]?key|auth[ _-]?key"
    r"|private[ _-]?key|credentials?)"
    r"(?:[\"'`*]{0,2}\s{0,2}(?:=|:|:=|=>|\bis\b|\blautet\b|\best\b)\s{0,2})[\"'`*]{0,2}"
    r"(?P<value>[^\s\"'`*<>,;(){}\[\]|$%&][^\s\"'`*<>,;(){}\[\]|&]{5,})",
    re.IGNORECASE,
)
_IN_URL = re.compile(
    r"[?&#;](?:[\w.-]*(?:token|secret|signature|passw(?:or)?d|api[_-]?key|credential|session(?:id)?)|sig|key|pwd|auth"
    r"|code|sid|hash)"
    r"=(?P<value>[^\s&#<>|\"'`)\]]{4,})",
    re.IGNORECASE,
)
_USER_IN_URL = re.compile(r"(?<=://)(?P<value>[^\s/@:<>\"'`]+:[^\s/@<>\"'`]+)(?=@)")


def _is_made_up_of_both(value: str) -> bool:
    """Tell a password from a word of the sentence: letters and digits, or letters and signs, and no path or date."""
    value = value.rstrip(".:!?")
    letters, digits = sum(map(str.isalpha, value)), sum(map(str.isdigit, value))
    signs = sum(not letter.isalnum() and letter not in "._/-:'’" for letter in value)
    looks_named = re.fullmatch(r"[a-z_]+(?:\.[a-z_0-9]+)+|https?:.*|v?\d+(?:\.\d+)+\w*|/.*|\d{4}-\d\d-\d\d.*", value)
    return letters >= 2 and (digits >= 1 or signs >= 1) and not looks_named


def _is_random(value: str) -> bool:
    """Tell an identifier from a word: it has a digit, or changes between cases."""
    return any(map(str.isdigit, value)) or (value.lower() != value and not value.istitle()) or len(value) > 24


# --- Addresses -------------------------------------------------------------------------------------------------------

_NO_TOP_LEVEL_DOMAIN = "png|jpe?g|gif|svg|webp|ico|js|mjs|css|tsx?|jsx?|py|json|ya?ml|md|html?|pdf|zip|gz|sh|so|local"
_EMAIL = re.compile(
    r"(?<![\w.+%'-])(?!git@)[\w.+%'-]*[\w+%]"
    r"(?:@|\s?[\[({]\s?(?:at|@|ät)\s?[\])}]\s?)"
    r"(?:[^\W_](?:[\w-]*[^\W_])?(?:\.|\s?[\[({]\s?(?:dot|punkt|\.)\s?[\])}]\s?))+"
    rf"(?!(?:{_NO_TOP_LEVEL_DOMAIN})\b)(?:xn--[a-z0-9-]+|[^\W\d_]{{2,24}})(?![\w@-])",
    re.IGNORECASE,
)
_SPELLED_EMAIL = re.compile(
    r"(?<![\w.])[\w.+-]+ (?:at|AT) (?:[\w-]+ (?:dot|DOT) )+(?:com|org|net|edu|gov|io|de|uk|fr|eu|ch|at|co)\b"
)
_IPV4 = re.compile(
    r"(?<![\w.-])(?<!\bv)(?<!ersion )(?<!elease )(?<!uild )(?<!ection )(?<!hapter )(?<!§ )(?<!§)"
    r"(?P<value>(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)){3})(?:/\d{1,2})?(?!\.?\w|-\w)"
)
_IPV6 = re.compile(r"(?<![\w:.])(?P<value>[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?:\.\d{1,3}){0,3})(?![\w:])")


def _is_a_host(value: str) -> bool:
    """Leave addresses that name no machine: this one, none, a mask."""
    return not value.startswith(("127.", "0.", "255."))


def _is_ipv6(value: str) -> bool:
    """Tell an address from a time, a ratio and a scope of C++."""
    try:
        address = IPv6Address(value)
    except (AddressValueError, ValueError):
        return False
    groups = [group for group in value.split(":") if group]
    telling = any(len(group) >= 3 and any(map(str.isdigit, group)) for group in groups)
    return telling and len(groups) >= 2 and not address.is_loopback


# --- Numbers with a checksum -----------------------------------------------------------------------------------------

_IBAN_LENGTHS = dict(
    pair.split(":")
    for pair in (
        "AD:24 AE:23 AL:28 AT:20 AZ:28 BA:20 BE:16 BG:22 BH:22 BR:29 BY:28 CH:21 CR:22 CY:28 CZ:24 DE:22 DK:18 DO:28 "
        "EE:20 EG:29 ES:24 FI:18 FO:18 FR:27 GB:22 GE:22 GI:23 GL:18 GR:27 GT:28 HR:21 HU:28 IE:22 IL:23 IQ:23 IS:26 "
        "IT:27 JO:30 KW:30 KZ:20 LB:28 LI:21 LT:20 LU:20 LV:21 LY:25 MC:27 MD:24 ME:22 MK:19 MR:27 MT:31 MU:30 NL:18 "
        "NO:15 PK:24 PL:28 PS:29 PT:25 QA:29 RO:24 RS:22 SA:24 SE:24 SI:19 SK:24 SM:27 TN:24 TR:26 UA:29 VA:22 VG:24 "
        "XK:20"
    ).split()
)
_IBAN = re.compile(
    "|".join(
        rf"(?<![A-Za-z0-9]){country}\d\d(?:[ -]?[A-Z0-9]){{{int(length) - 4}}}(?![A-Za-z0-9])"
        for country, length in _IBAN_LENGTHS.items()
    ),
    re.IGNORECASE,
)
_CARD = re.compile(r"(?<![\w.-])(?<!\+)\d(?:[ -]?\d){11,18}(?![\w-]|\.\d)")
_CARD_BRAND = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})|(?:5[1-5]|2[2-7])\d{14}|3[47]\d{13}|3(?:0[0-5]|[689]\d)\d{11}|35\d{14}"
    r"|(?:2131|1800)\d{11}|6(?:011|4\d\d|5\d\d)\d{12,15}|62\d{14,17}"
    r"|(?:5018|5020|5038|5893|6304|6759|676[1-3])\d{8,15}"
)


def _is_iban(value: str) -> bool:
    """Check the modulus of ISO 13616."""
    compact = "".join(filter(str.isalnum, value)).upper()
    if not compact.isascii():
        return False
    return int("".join(str(int(letter, 36)) for letter in compact[4:] + compact[:4])) % 97 == 1


def _is_card(value: str) -> bool:
    """Check the length that the issuer uses, and Luhn's digit."""
    digits = "".join(filter(str.isdigit, value))
    if not digits.isascii() or not _CARD_BRAND.fullmatch(digits) or len(set(digits)) < 2 or _is_article(digits):
        return False
    doubled = [int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits))]
    return sum(number // 10 + number % 10 for number in doubled) % 10 == 0


def _is_article(digits: str) -> bool:
    """Check the digit of a thirteen-digit article number (EAN), such as a book's."""
    weighed = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(digits))
    return len(digits) == 13 and weighed % 10 == 0


# --- Telephones ------------------------------------------------------------------------------------------------------

_SPACE = r"[ \u00a0\u2009\u202f]"
_GAP = rf"(?:{_SPACE}?[-./()–]{_SPACE}?|{_SPACE}|\)[-./]|{_SPACE}?\()"
_EXTENSION = rf"(?:{_SPACE}?(?:x|ext\.?){_SPACE}?\d{{1,5}})?"
_INTERNATIONAL = re.compile(
    rf"(?<![\w+])(?:\+|00(?=[1-9]\d?\d?{_GAP}))[1-9](?:{_GAP}{{0,2}}\d){{6,14}}{_EXTENSION}(?![\w]|[.,]\d)"
)
_TEL_URI = re.compile(r"(?<=tel:)\+?[\d().-]{5,20}\d", re.IGNORECASE)
_AMERICAN = re.compile(
    rf"(?<![\w.+-])(?:(?:00)?1[ .-])?(?:\([2-9]\d\d\)[ -]?|[2-9]\d\d[-. ])\d{{3}}[-. ]\d{{4}}{_EXTENSION}"
    r"(?![\w]|[-.]\d)"
)
_BRAZILIAN = re.compile(r"(?<![\w.+-])(?:\(\d\d\)|\d\d) ?9?\d{4}-\d{4}(?![\w-]|\.\d)")
_FIVES = re.compile(r"(?<![\w.+-])555-\d{4}(?![\w-])")
_NATIONAL = re.compile(rf"(?<![\w.,+:/-])\(?0[1-9]\d{{0,4}}(?:{_GAP}\d{{2,8}}){{1,4}}(?![\w]|[.,:]\d)")
_UNSPACED = re.compile(r"(?<![\w.+-])0[1-9]\d{8,9}(?:(?<=01[567]\d{8})\d)?(?![\w-]|\.\d)")
_AFTER_A_WORD = re.compile(
    r"\b(?:(?:tele)?phones?|tel|mobiles?|cell(?:phone)?|fax|call|dial|ring|text|sms|whatsapp|signal|hotline|landline|"
    r"contact|reach|telefon(?:nummer)?|handy(?:nummer)?|mobil(?:nummer)?|rufnummer|durchwahl|anrufen|t[ée]l[ée]phone|t[ée]l|"
    r"tel[ée]fono|m[óo]vil|celular|portable)\b"
    r"(?:[.:#=*\s]|\b(?:is|me|us|him|her|them|at|on|under|unter|number|no|nr|the|front|desk|ist|au|al)\b){1,12}"
    rf"(?P<value>[(\d](?:{_GAP}{{0,2}}\d){{5,14}})(?![\w]|[.,:]\d)",
    re.IGNORECASE,
)
_DATE = re.compile(
    r"(?:19|20)\d\d[-./ ](?:0?[1-9]|1[0-2])[-./ ](?:[0-2]?\d|3[01])(?!\d)"
    r"|[0-3]?\d[-./ ][0-3]?\d[-./ ](?:19|20)\d\d(?!\d)"
)


def _is_telephone(value: str) -> bool:
    """Tell a telephone number from a date and from a number of the wrong length."""
    digits = sum(map(str.isdigit, re.split("[xe]", value)[0]))
    return 6 <= digits <= 15 and not _DATE.match(value.lstrip("(+"))


def _is_national(value: str) -> bool:
    return 9 <= sum(map(str.isdigit, value)) <= 13 and _is_telephone(value) and value.count("(") == value.count(")")


# --- Slack, and people by name of their folder -----------------------------------------------------------------------

_MENTION = re.compile(r"<@(?P<id>[A-Z0-9]{2,})(?:\|[^<>]*)?>")
_CHANNEL_LINK = re.compile(r"<#(?P<id>[A-Z0-9]{2,})(?:\|[^<>]*)?>")
_GROUP_LINK = re.compile(r"<!subteam\^(?P<id>[A-Z0-9]{2,})(?:\|[^<>]*)?>")
_PERSON_ID = re.compile(
    r"(?<![A-Za-z0-9_])(?:[UW][0-9][A-Z0-9]{7,9}|U(?=[A-Z]*\d+[A-Z])[A-Z0-9]{8,10})(?![A-Za-z0-9_])"
)
_CHANNEL_ID = re.compile(r"(?<![A-Za-z0-9_-])[CDG]0[A-Z0-9]{7,9}(?![A-Za-z0-9_-])")
_OTHER_ID = re.compile(r"(?<![A-Za-z0-9_-])[TSEB]0[A-Z0-9]{7,9}(?![A-Za-z0-9_-])")
_FOLDER = re.compile(
    r"(?:(?<![\w.])/(?:home|Users)/|\b[A-Za-z]:\\{1,2}Users\\{1,2})(?!(?:Shared|Public|user|username|you|ubuntu|runner|"
    r"app|node)\b)(?P<value>[A-Za-z][\w.-]*[A-Za-z0-9])"
)


def _mixes(value: str) -> bool:
    """Tell an id from a word in capitals, and from a number with a letter before it unless that is how ids begin."""
    letters = sum(map(str.isalpha, value))
    return any(map(str.isdigit, value)) and (letters >= 2 or value[:2] in {"U0", "W0", "C0"})


RULES = (
    Rule(Label.SECRET, _KEY_BLOCK),
    Rule(Label.SECRET, _WEBHOOK),
    Rule(Label.SECRET, _TOKEN),
    Rule(Label.SECRET, _USER_IN_URL),
    Rule(Label.SECRET, _IN_URL, _is_random),
    Rule(Label.SECRET, _AUTHORIZATION, _is_random),
    Rule(Label.EMAIL, _EMAIL),
    Rule(Label.EMAIL, _SPELLED_EMAIL),
    Rule(Label.PERSON, _MENTION),
    Rule(Label.CHANNEL, _CHANNEL_LINK),
    Rule(Label.GROUP, _GROUP_LINK),
    Rule(Label.IBAN, _IBAN, _is_iban),
    Rule(Label.CARD, _CARD, _is_card),
    Rule(Label.PHONE, _TEL_URI, _is_telephone),
    Rule(Label.PHONE, _INTERNATIONAL, _is_telephone),
    Rule(Label.PHONE, _AMERICAN, _is_telephone),
    Rule(Label.PHONE, _BRAZILIAN),
    Rule(Label.PHONE, _AFTER_A_WORD, _is_telephone),
    Rule(Label.PHONE, _FIVES),
    Rule(Label.PHONE, _NATIONAL, _is_national),
    Rule(Label.PHONE, _UNSPACED),
    Rule(Label.IP, _IPV4, _is_a_host),
    Rule(Label.IP, _IPV6, _is_ipv6),
    Rule(Label.SECRET, _ASSIGNED, _is_made_up_of_both),
    Rule(Label.PERSON, _PERSON_ID, _mixes),
    Rule(Label.CHANNEL, _CHANNEL_ID, _mixes),
    Rule(Label.GROUP, _OTHER_ID, _mixes),
    Rule(Label.PERSON, _FOLDER),
)
"""Those that count most first: of overlapping findings the first one stays."""
