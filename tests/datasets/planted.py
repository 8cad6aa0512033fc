# ruff: noqa: E501 - typographic signs and words of several languages; lists that read best as they are
"""Personal data and secrets as people write them, all made up, and what looks like them but must stay."""

from __future__ import annotations

from itertools import cycle

EMAILS = """
anna.smith@example.com|b.muller+slack@firma.co.uk|JOHN_DOE99@EXAMPLE.ORG|x@y.io|first.last@sub.domain.example.museum
priya.raman@company.internal.example.net|o'neill@example.ie|info@münchen-beispiel.de|jörg.weiß@example.de|a-b-c@d-e-f.fr
sales%eu@example.com|anna [at] example [dot] com|bob(at)example.org|carla{at}example.de|dan at example dot com
eve@example.technology|99bottles@example.beer|user.name@xn--bcher-kva.example|hr@acme.co.jp|team_lead@my-company.dev
"""
PHONES = """
+49 30 1234567|+493012345678|+1 (415) 555-2671|+1-415-555-0132|+44 20 7946 0958|+44 (0)20 7946 0958|0049 30 123456
+33 1 23 45 67 89|+91 98765 43210|+41 44 668 18 00|+43 1 58858-0|+1.415.555.2671|(415) 555-2671|415-555-2671
415.555.2671|1-800-555-0199|020 7946 0958|07700 900123|07700900123|030 1234567|089/1234567|0171 1234567|0171-1234567
(030) 123456-78|01 23 45 67 89|06 12 34 56 78|0612345678|01711234567|+55 11 91234-5678|+81 3-1234-5678
+86 138 0013 8000|+61 2 9374 4000|+34 912 345 678|+39 06 1234 5678|tel:+1-201-555-0123|+420 222 333 444|555-0142
+46 8 123 456 78|+31 20 123 4567|+971 4 123 4567|+358 9 1234567|+48 22 123 45 67|04131 / 7890-12
"""
PHONES_AFTER_A_WORD = """
call 5550142|phone: 867 5309|Tel. 1234567|tel 44 55 66 77|fax 12345-67|mobile 98765 43210|Durchwahl 123456
WhatsApp me at 98765 43210|Telefon: 12 34 56|dial 9155550123|text 415 555 2671|Handynummer 1712345678|hotline 800 1234
"""
IBANS = """
DE89 3704 0044 0532 0130 00|DE89370400440532013000|GB29 NWBK 6016 1331 9268 19|GB29NWBK60161331926819
FR14 2004 1010 0505 0001 3M02 606|CH93 0076 2011 6238 5295 7|NL91ABNA0417164300|NL91 ABNA 0417 1643 00
AT611904300234573201|ES9121000418450200051332|IT60X0542811101000000123456|BE68 5390 0754 7034|PL61109010140000071219812874
SE4550000000058398257466|NO9386011117947|DK5000400440116243|FI2112345600000785|PT50000201231234567890154
IE29AIBK93115212345678|LU280019400644750000|de89 3704 0044 0532 0130 00|DE89-3704-0044-0532-0130-00
"""
CARDS = """
4111 1111 1111 1111|4111111111111111|4012-8888-8888-1881|5555 5555 5555 4444|5105105105105100|2223003122003222
378282246310005|3782 822463 10005|371449635398431|6011111111111117|6011 0009 9013 9424|30569309025904|38520000023237
3530111333300000|3566002020360505|4222222222222
"""
ADDRESSES = """
10.1.2.3|192.168.178.42|172.16.254.1|8.8.8.8|203.0.113.77|198.51.100.23|2001:db8::8a2e:370:7334
2001:0db8:85a3:0000:0000:8a2e:0370:7334|fe80::1ff:fe23:4567:890a|2a00:1450:4001:81b::200e|10.0.0.0/8|fd12:3456:789a:1::1
"""
TOKENS = """
xoxb-FAKE-2400000000000-2400000000001-abcdefghijklmnopqrstuvwx|xoxp-FAKE-1111111111-2222222222-3333333333-abcdef0123456789
xapp-1-A0123456789-1234567890123-abcdef0123456789abcdef|xoxe.xoxp-1-Mi0yLTEyMzQ1Njc4OTA|xoxe-1-abcdefghijklmnop
sk-ant-api03-AbCdEfGhIjKlMnOpQrStUvWxYz0123456789|sk-proj-AbCdEfGhIjKlMnOpQrSt1234|sk-AbCdEfGhIjKlMnOpQrStUvWx1234567890
sk_live_4eC39HqLyjWDarjtT1zdp7dc|rk_test_4eC39HqLyjWDarjtT1zdp7dc|whsec_AbCdEfGhIjKlMnOpQrStUvWx
AKIAIOSFODNN7EXAMPLE|ASIAIOSFODNN7EXAMPLE|ghp_16C7e42F292c6912E7710c838347Ae178B4a|gho_16C7e42F292c6912E7710c838347Ae178B4a
github_pat_11ABCDEFG0abcdefghijkl_MNOPQRSTUV0123456789|glpat-AbCdEfGhIjKlMnOpQrSt|AIzaSyA1234567890abcdefghijklmnopqrstuv
ya29.a0AfH6SMBabcdefghijklmnop|GOCSPX-AbCdEfGhIjKlMnOpQrStUvWx|hf_AbCdEfGhIjKlMnOpQrStUvWxYz0123|npm_AbCdEfGhIjKlMnOpQrStUvWxYz0123456789
pypi-AgEIcHlwaS5vcmcCJDAwMDAwMDAwLTAwMDAtMDAwMC0wMDAw|SG.AbCdEfGhIjKlMnOpQrStUv.AbCdEfGhIjKlMnOpQrStUvWxYz
eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U|pcsk_2AbCdE_FgHiJkLmNoPqRsTuVwXyZ012345
dop_v1_0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
"""
SLACK = """
<@U012AB3CD>|<@U012AB3CD|anna>|<@W0123456789>|U012AB3CD|U0G9QF9C6|UBLHF1R0D|W012A3CDE|<#C0123ABCDEF|leave-questions>
<#C024BE91L>|C024BE91L|C0123456789|D024BE91L|G0123ABCD45|<!subteam^S0614TZR7|@designers>|T024BE7LD1
"""
ASSIGNED = """
password: hunter2x|passwort: Sommer2026!|PASSWORD=s3cr3t-value|api_key = "9f8e7d6c5b4a"|api-key: 12ab34cd56ef|secret=tr0ub4dor&3
token: 8c1f0a77d2|client_secret: aB3dE5gH7jK9|pwd=Qwerty!23|the password is Blue-Horse7|access key: zX81kkP0qq|pw: no password: Zitrone#12
Authorization: Bearer 0123456789abcdef0123|Authorization: Basic dXNlcjpwYXNzd29yZDEyMw==
"""
URLS = """
https://files.example.com/a.pdf?token=9f8e7d6c5b4a3210|https://x.example/report?access_token=abc123def456&page=2
https://bucket.s3.amazonaws.com/k?X-Amz-Credential=AKIDEXAMPLE%2F20261125&X-Amz-Signature=0a1b2c3d4e5f
https://acct.blob.core.windows.net/c/f?sv=2024-01-01&sig=Zm9vYmFyMTIz%3D|https://anna:s3cret@git.example.com/repo.git
postgres://app:pa55word@db.example.com:5432/app|https://api.example.com/v1?api_key=K3yV4lu3&x=1
https://hooks.slack.com/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX|https://example.com/reset?code=9a8b7c6d5e
https://example.com/cb#access_token=eyAbC123dEf456|redis://:p4ssw0rd@cache.example.com:6379/0|https://example.com/d?key=AbC123xYz9
"""
KEYS = (
    "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA7bq0\nabcdEFGH1234+/==\n-----END RSA PRIVATE KEY-----",
    "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAA\n-----END OPENSSH PRIVATE KEY-----",
    "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQ",
    "-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nlQOYBF1234\n-----END PGP PRIVATE KEY BLOCK-----",
)

CARRIERS = (
    "{}",
    "Please write to {} before Friday.",
    "Who answers under {}? I tried twice.",
    "Bitte {} verwenden, danke.",
    "- contact: {}\n- floor: 2",
    "| who | how |\n|---|---|\n| Desk | {} |",
    "(see {})",
    "It was {}, I think; the other one is gone.",
    "“{}”",
    "Ask for {}.",
    "`{}`",
    "*{}*",
)

SECRET_PARTS = {
    "client_secret: aB3dE5gH7jK9": "aB3dE5gH7jK9",
    "https://x.example/report?access_token=abc123def456&page=2": "abc123def456",
}
"""Where a whole item is not what must go, the part that must."""

_NOT_ALONE = ("=", ": ", " is ", "tok", "?", "#", "://")


def _values(text: str) -> list[str]:
    return [value for line in text.strip().splitlines() for value in line.split("|")]


def _slack_values() -> list[str]:
    whole = SLACK.strip().replace("\n", "|")
    for name in ("anna", "leave-questions", "@designers"):
        whole = whole.replace(f"|{name}>", f"\x1f{name}>")
    return [value.replace("\x1f", "|") for value in whole.split("|")]


def tell_tales(value: str) -> list[str]:
    """Name the parts of a planted value none of which may be left."""
    if value.startswith("-----BEGIN"):
        return [line for line in value.splitlines()[1:] if line and not line.startswith("-")]
    if "://" in value and "hooks.slack" in value:
        return [value.rpartition("/")[2]]
    if "://" in value:
        return [part for part in _url_secrets(value) if part]
    for before in (
        "Bearer ",
        "Basic ",
        "password: ",
        "passwort: ",
        "PASSWORD=",
        " is ",
        "key: ",
        "key = ",
        "secret=",
        "secret: ",
        "token: ",
        "pwd=",
    ):
        if before in value:
            return [value.rpartition(before)[2].strip('"')]
    if value in _values(PHONES_AFTER_A_WORD):
        start = next(place for place, letter in enumerate(value) if letter.isdigit())
        return [value[start:]]
    return [value.removeprefix("tel:").removesuffix("/8")]


def _url_secrets(url: str) -> list[str]:
    import re

    found = re.findall(r"[?&#](?:[\w-]*(?:token|Signature|Credential|key)|sig|code)=([^&\s]+)", url)
    return found + re.findall(r"://([^/@]*:[^/@]*)@", url)


def planted() -> list[tuple[str, str]]:
    """Return (text, value) pairs: every value in several sentences."""
    lists = (EMAILS, PHONES, PHONES_AFTER_A_WORD, IBANS, CARDS, ADDRESSES, TOKENS, ASSIGNED, URLS)
    values = [value for text in lists for value in _values(text)] + _slack_values() + list(KEYS)
    carriers = cycle(CARRIERS)
    return [(next(carriers).format(value), value) for value in values for _ in range(5)]


LOOK_ALIKES = """
2026-11-25|25.11.2026|11/25/2026|25/11/2026 10:30|2026-11-25T10:30:00Z|01.02.2026|01-02-2026|2026/11/25|20261125|Q3 2026
v1.2.3|1.2.3.4-beta|version 10.0.0.1|v2.14.0.7|Python 3.11.7|10.0.19041.1415|release 4.18.0-305|Section 1.2.3.4|§ 4.2.1.3
1,234,567.89 EUR|1.234.567,89 €|12 500 000|$1,000,000|+12.5 %|+1,000,000|3.14159265358979|0.123456789|1e-10|10 000 000 000
PN-4711-0815|A1234567890B|SKU 00012345|article 300-4567-89|ISBN 978-3-16-148410-0|4006381333931|RFC 2616|ISO 27001:2022
order 4111 1111 1111 1112|invoice 1234567890123456|DE00 1234 5678 9012 3456 78|GB29 NWBK 6016 1331 9268 18|ticket 0012345678
09:00-17:30|7:00 to 21:00|10:30:45|00:1A:2B:3C:4D:5E|16:9|1:100|12:34:56.789|room 2.04.117|B2-0415
std::vector<int>|a::b::c|Foo::Bar|127.0.0.1|0.0.0.0|255.255.255.0|localhost:8080|::1|example.com|www.example.com/page
git@github.com:org/repo.git|image@2x.png|@property|@here|@channel|npm install pkg@1.2.3|user@localhost|left@right|a@b
password: at least 12 characters|The password is required.|token: see the vault|password = your own|api key: ask IT|secret: none
passwords are rotated every 90 days|the token expires after 30 minutes|key=value|?page=2&sort=asc|https://example.com/search?q=leave&key=name
https://example.com/docs/v1.2.3/setup#install|?code=DE|sk-learn|sk-eleton|AKIA is a prefix|ghp_ is a prefix|Bearer token|Basic authentication
UTF-8|USB 3.0|WINDOWS2019|UNIVERSITY|CONFIGURATION|DATABASE_URL|C0|D0L|UTC+02:00|GMT+0200|U.S. GAAP|DIN EN 60204-1
27 days|14 months|140 euros per night|30 days 12 hours|5 x 20 mm|3 + 4 = 7|1920x1080|1 GB = 1,073,741,824 bytes
call the front desk on floor 12|phone 14 days in advance|dial in at 10:00 on 2026-11-25|mobile users: 1,250|fax machine 2|text 140 characters
/home/user/project|/usr/local/bin|C:\\Program Files|commit 3f2a9c1|sha256 9f86d081884c7d65|0x7ffe0000|550e8400-e29b-41d4-a716-446655440000
4 5 6 7 8 9|1-2-3|100-200|2024-2025|1990–2026|1st of May 2026|08.15 Uhr|Nr. 12345678|Konto 1234567|PLZ 04109 Leipzig|BLZ 370 400 44
"""


def look_alikes() -> list[tuple[str, str]]:
    """Return (text, value) pairs of what must stay."""
    carriers = ("{}", "It says {} there.", "({})", "From {}, as before.", "| a | {} |")
    return [(carrier.format(value), value) for value in _values(LOOK_ALIKES) for carrier in carriers]
