"""A small company's documents, and questions that they answer or, often only just, do not."""

from __future__ import annotations

DOCUMENTS: dict[str, str] = {
    "leave.md": """# Time off

## Annual leave

Every employee gets **26 days** of paid annual leave per calendar year, plus public holidays. Part-time employees get a
proportional share. Up to 5 unused days can be carried over; they lapse on 31 March of the following year.

Requests go through [PeopleDesk](https://peopledesk.example) at least two weeks ahead. Your line manager approves them
within three working days.

## Parental leave

Employees may take up to 16 weeks of fully paid parental leave for each child. It must be taken within the first
18 months after the birth or adoption. Tell your manager and the People team no later than eight weeks before it starts.

## Sick leave

If you are ill, tell your manager before 9:30 on the first day. A doctor's note is required from the fourth day of
illness. Sick pay is 100 % of your salary for six weeks.
""",
    "expenses.md": """# Expenses and travel

You can claim what you spend for work. Submit claims in Ledgerly by the 25th of each month; they are paid with the next
salary.

You need:

- the receipt, as a photo or PDF
- the cost centre
- the reason for the expense

| Expense | Limit |
|---|---|
| Hotel per night | 140 euros |
| Dinner with a client, per person | 60 euros |
| Taxi | 45 euros per ride |
| Books and courses | 900 euros per year |

Anything above 500 euros must be approved beforehand by the finance lead, Marta Oliveira. Alcohol is never reimbursed.

Flights under six hours are booked in economy class. Trains may be booked in first class when the trip takes longer than
two hours.
""",
    "it.md": """# IT how-to

## How do I reset my password?

Open https://login.example/reset, enter your work address and follow the link in the mail. The link is valid for 20
minutes.

## How do I get a new laptop?

1. Open a ticket in the *Hardware* queue of HelpHub.
2. Choose a model: Lumen 14 or Lumen 16.
3. Wait for approval from your manager.
4. Collect it from the IT desk in room 2.14.

Laptops are replaced every four years. Private use of a laptop is allowed as long as no software is installed.

## VPN

The VPN client is called Tunnelwise. Connect to the gateway `vpn.example:8443` with your work account. Multi-factor
authentication is mandatory for the VPN. Contractors get VPN access only with the approval of the security officer.

## Guest Wi-Fi

Network name: Fernweh-Guest
Password: changed every Monday, shown on the screen at reception
""",
    "deploy.md": """# Deploying the shop

The shop runs on three servers in Frankfurt. We deploy on Tuesdays and Thursdays between 10:00 and 15:00.

Run the tests first:

```bash
make check
```

Deploy to staging with:

```bash
./bin/ship --target staging
```

If a deployment fails, roll back with `./bin/ship --rollback` and post in #shop-alerts. Never deploy on Fridays.

The on-call engineer changes every Monday at 09:00. Response time for priority-one incidents is 15 minutes.
Logs are kept for 90 days. The configuration is in `/etc/shop/config.toml`.

| Setting | Default | Meaning |
|---|---|---|
| `cache_ttl` | 300 | seconds before a cached page is fetched again |
| `max_workers` | 8 | worker processes per server |
| `upload_limit` | 25 MB | largest file that a customer may upload |
""",
    "people.md": """# Who is who

Helena Brandt founded Fernweh in 2011 together with Tomasz Zielinski. Helena is the chief executive; Tomasz left the
company in 2019. The company has 214 employees in four offices: Hamburg, Lisbon, Gdansk and Toronto.

The head office is at Kaistrasse 12 in Hamburg. The Lisbon office opened in May 2016 and is led by Rui Teixeira.

**Payroll** is handled by Sofia Lindqvist. Questions about pensions go to the People team at people@fernweh.example.

The works council meets on the first Wednesday of each month. Its chair is Aylin Demir.
""",
    "remote.md": """# Working from elsewhere

Employees may work from home up to three days a week. Tuesday is the common office day for all product teams.

Working from another country of the EU is possible for up to 30 days a year. Outside the EU it is not allowed without a
written agreement with the People team, because of tax and insurance rules. Interns may not work from abroad.

Fernweh pays a home-office allowance of 40 euros a month. It also lends a chair and a screen. Internet costs at home are
not reimbursed.

Core hours are 10:00 to 15:00. Meetings outside core hours need the consent of everybody invited.
""",
    "hiring.md": """# Hiring and probation

The probation period is six months. During probation either side can give notice of two weeks; afterwards the notice
period is three months to the end of a quarter.

Applicants go through three interviews: a call with the recruiter, a technical interview, and a meeting with the team.
The whole process takes about four weeks. Candidates hear back from us within five working days after each step.

A referral bonus of 2,500 euros is paid to employees whose recommendation leads to a hire, once the new colleague has
passed probation. Managers cannot receive it for their own team.

Interns are paid 1,350 euros a month and stay between three and six months.
""",
    "security.md": """# Security rules

Passwords must have at least 14 characters. They do not expire. Use the password manager Keyring Plus; never send a
password by e-mail.

Lost devices must be reported to security@fernweh.example within 24 hours. The security officer is Daniel Okafor.

Customer data is classified as confidential. It may be stored only in the data centre in Frankfurt and in Keyring Plus.
Backups are made every night and are tested once a quarter. Customer data is deleted 30 days after a contract ends.

Visitors must sign in at reception and wear a badge. They are accompanied at all times.

We were certified under ISO 27001 in 2020; the certificate was renewed in 2023.
""",
    "benefits.md": """# Benefits

Everybody with a permanent contract can get:

* a job ticket for public transport
* a lease bicycle, up to a list price of 4,000 euros
* a company pension with a 20 % employer contribution
* two volunteering days a year

The gym subsidy is 25 euros a month. It is paid out with the December salary. Employees on a fixed-term contract do not
get the lease bicycle.

A sabbatical of up to six months is possible after five years with the company. It is unpaid.

Mental health: anonymous counselling is free for employees and their families. Call 0800 555 0147.
""",
    "offsite.txt": """From: Aylin Demir <aylin@fernweh.example>
To: all@fernweh.example
Date: Tue, 4 Jun 2024 08:12:00 +0200
Subject: Summer offsite

Hi all,

the summer offsite takes place from 12 to 14 September 2024 at Gut Weidensee near Kiel. Buses leave from the Hamburg
office on Thursday at 8:30. Please register by 15 July with Jonas in the events channel.

Partners are welcome at the dinner on Friday. Dogs cannot come along because of the venue's rules.

Best
Aylin
""",
    "urlaub.md": """# Urlaub und Krankheit

Beschäftigte haben Anspruch auf 30 Urlaubstage im Jahr. Der Resturlaub verfällt am 31. März des Folgejahres.
Der Urlaubsantrag muss mindestens zwei Wochen vorher gestellt werden. Über den Antrag entscheidet die Teamleitung.

Im Krankheitsfall ist die Krankmeldung ab dem dritten Tag vorzulegen. Werkstudenten erhalten 20 Urlaubstage.
""",
    "conges.md": """# Congés et télétravail

Chaque salarié dispose de 27 jours de congés payés par an. Le télétravail est autorisé deux jours par semaine.
Les demandes de congés doivent être envoyées à Camille Durand. Le bureau de Lyon ferme du 24 décembre au 2 janvier.
""",
    "vacaciones.md": """# Vacaciones

Los empleados tienen 23 días de vacaciones al año. Las solicitudes se envían a Carmen Ruiz antes del 15 de cada mes.
La oficina de Madrid abre a las 8:30.
""",
    "study.md": """# Effects of light on cultured algae

We studied the growth of Chlorella cultures under blue and red light. Cultures kept under blue light grew 34 % faster
than those under white light, while red light had no significant effect. Growth was limited by phosphate above a density
of 2 g per litre. The samples were taken daily for 21 days. Our results suggest that blue light increases the activity
of carbonic anhydrase. The effect disappeared when the temperature rose above 32 °C.
""",
    "returns.md": """# Returns: questions customers ask

**Can I return a tent that I have used?**
Yes, within 14 days, if it is clean and dry. Used sleeping bags cannot be returned.

**Who pays for the return shipment?**
We do for orders above 80 euros; otherwise the customer pays 4.90 euros.

**How long does a refund take?**
Refunds are issued within seven days after the parcel has arrived in Gdansk.

Gift cards are valid for three years and cannot be exchanged for cash. The warranty on stoves is five years, on tents
two years.
""",
    "api.md": """# Orders API

Authentication uses a bearer token in the `Authorization` header. Tokens expire after 60 minutes. Clients may send 120
requests per minute; beyond that the server answers with status 429.

`GET /v2/orders/{id}` returns one order. `POST /v2/orders` creates an order and returns 201. Orders cannot be deleted,
only cancelled with `POST /v2/orders/{id}/cancel`.

Version 1 of the API was switched off on 1 February 2022. The Python client needs Python 3.10 or newer. Install it with
`pip install fernweh-orders`.
""",
}

ANSWERED: list[tuple[str, str]] = [
    ("How many days of annual leave do employees get?", "26 days"),
    ("annual leave carry over", "5 unused days"),
    ("When do carried over vacation days lapse?", "31 March"),
    ("Who approves leave requests?", "line manager"),
    ("How long is parental leave?", "16 weeks"),
    ("When must parental leave be taken?", "18 months"),
    ("When do I need a doctor's note?", "fourth day"),
    ("How much is sick pay?", "100 %"),
    ("By when do I have to tell my manager that I am ill?", "9:30"),
    ("How far ahead must leave be requested?", "two weeks"),
    ("What is the hotel limit?", "140 euros"),
    ("How much can I spend on a taxi?", "45 euros"),
    ("How much may a dinner with a client cost?", "60 euros"),
    ("What do I need to claim an expense?", "cost centre"),
    ("Who has to approve expenses above 500 euros?", "Marta Oliveira"),
    ("Is alcohol reimbursed?", "never reimbursed"),
    ("When can I book a train in first class?", "two hours"),
    ("By when must claims be submitted?", "25th"),
    ("What is the yearly budget for books and courses?", "900 euros"),
    ("How do I reset my password?", "login.example/reset"),
    ("How long is the password reset link valid?", "20 minutes"),
    ("How do I get a new laptop?", "Hardware"),
    ("Where do I collect my laptop?", "2.14"),
    ("How often are laptops replaced?", "four years"),
    ("What is the VPN client called?", "Tunnelwise"),
    ("Do contractors get VPN access?", "approval of the security officer"),
    ("What is the name of the guest network?", "Fernweh-Guest"),
    ("Where can I find the guest wifi password?", "reception"),
    ("How do I deploy to staging?", "./bin/ship --target staging"),
    ("How do I run the tests?", "make check"),
    ("How do I roll back a deployment?", "--rollback"),
    ("On which days do we deploy?", "Tuesdays"),
    ("How long are logs kept?", "90 days"),
    ("Where is the shop's configuration?", "/etc/shop/config.toml"),
    ("What is the default of max_workers?", "8"),
    ("How large can an upload be?", "25 MB"),
    ("What is the response time for priority-one incidents?", "15 minutes"),
    ("When does the on-call engineer change?", "Monday"),
    ("Can I deploy on Fridays?", "Never deploy on Fridays"),
    ("Who founded Fernweh?", "Helena Brandt"),
    ("When was Fernweh founded?", "2011"),
    ("How many employees does the company have?", "214"),
    ("Where is the head office?", "Kaistrasse 12"),
    ("Who leads the Lisbon office?", "Rui Teixeira"),
    ("When did the Lisbon office open?", "May 2016"),
    ("Who handles payroll?", "Sofia Lindqvist"),
    ("Who chairs the works council?", "Aylin Demir"),
    ("Whom do I ask about pensions?", "People team"),
    ("When does the works council meet?", "first Wednesday"),
    ("How many days a week can I work from home?", "three days"),
    ("Can I work from another EU country?", "30 days"),
    ("May interns work from abroad?", "Interns may not"),
    ("How much is the home office allowance?", "40 euros"),
    ("What are the core hours?", "10:00 to 15:00"),
    ("Are internet costs at home reimbursed?", "not reimbursed"),
    ("Which day is the common office day?", "Tuesday"),
    ("How long is the probation period?", "six months"),
    ("What is the notice period after probation?", "three months"),
    ("How many interviews are there?", "three interviews"),
    ("How much is the referral bonus?", "2,500 euros"),
    ("How much are interns paid?", "1,350 euros"),
    ("How long does the hiring process take?", "four weeks"),
    ("Can managers receive the referral bonus?", "cannot receive"),
    ("How long must a password be?", "14 characters"),
    ("Do passwords expire?", "do not expire"),
    ("Who is the security officer?", "Daniel Okafor"),
    ("How quickly must lost devices be reported?", "24 hours"),
    ("Where may customer data be stored?", "Frankfurt"),
    ("How often are backups tested?", "once a quarter"),
    ("When is customer data deleted?", "30 days"),
    ("When was the ISO 27001 certificate renewed?", "2023"),
    ("What must visitors do?", "badge"),
    ("How much is the gym subsidy?", "25 euros"),
    ("When is the gym subsidy paid?", "December"),
    ("Can I take a sabbatical?", "six months"),
    ("Is a sabbatical paid?", "unpaid"),
    ("Which benefits do people with a permanent contract get?", "job ticket"),
    ("counselling phone number", "0800 555 0147"),
    ("How many volunteering days are there?", "two volunteering days"),
    ("When is the summer offsite?", "12 to 14 September"),
    ("Where does the offsite take place?", "Gut Weidensee"),
    ("Can I bring my dog to the offsite?", "Dogs cannot"),
    ("When do the buses leave?", "8:30"),
    ("By when do I have to register for the offsite?", "15 July"),
    ("Wie viele Urlaubstage habe ich?", "30 Urlaubstage"),
    ("Wann verfällt der Resturlaub?", "31. März"),
    ("Wer entscheidet über den Urlaubsantrag?", "Teamleitung"),
    ("Wie viele Urlaubstage erhalten Werkstudenten?", "20 Urlaubstage"),
    ("Combien de jours de congés par an ?", "27 jours"),
    ("À qui envoyer les demandes de congés ?", "Camille Durand"),
    ("Quand ferme le bureau de Lyon ?", "24 décembre"),
    ("¿Cuántos días de vacaciones tienen los empleados?", "23 días"),
    ("¿A qué hora abre la oficina de Madrid?", "8:30"),
    ("How much faster did the cultures grow under blue light?", "34 %"),
    ("What effect did red light have on growth?", "no significant effect"),
    ("For how many days were samples taken?", "21 days"),
    ("At what temperature did the effect disappear?", "32"),
    ("Can I return a used tent?", "within 14 days"),
    ("Who pays for return shipping?", "80 euros"),
    ("How long does a refund take?", "seven days"),
    ("How long is the warranty on stoves?", "five years"),
    ("Can gift cards be exchanged for cash?", "cannot be exchanged"),
    ("How many requests per minute are allowed?", "120"),
    ("When do tokens expire?", "60 minutes"),
    ("How do I cancel an order with the API?", "/cancel"),
    ("When was version 1 of the API switched off?", "1 February 2022"),
    ("How do I install the Python client?", "pip install fernweh-orders"),
    ("Which Python version does the client need?", "3.10"),
]
"""Questions, and words that must stand in the answer."""

NEAR_MISSES: list[str] = [
    "How many days of annual leave do contractors get?",
    "How many days of annual leave do interns get?",
    "Who approves parental leave for contractors?",
    "How much is parental leave allowance?",
    "Is there paid leave for a funeral?",
    "How many days of leave can I sell?",
    "What happened to annual leave in 2018?",
    "How many sick days were taken last year?",
    "What is the limit for breakfast?",
    "How much can I spend on a rental car?",
    "What is the mileage rate for a private car?",
    "When can I fly business class?",
    "Who approves expenses above 10,000 euros?",
    "Which credit card does the company use for travel?",
    "How do I reset my phone?",
    "How do I get a second monitor for the office?",
    "How much does the Lumen 16 cost?",
    "How often are phones replaced?",
    "Who invented Tunnelwise?",
    "How fast is the guest network?",
    "How do I deploy to production?",
    "How many servers run in Dublin?",
    "What is the default of min_workers?",
    "Who is the on-call engineer this week?",
    "What is the response time for priority-two incidents?",
    "How long are audit logs of payroll kept?",
    "When did Helena Brandt leave the company?",
    "How many employees work in Toronto?",
    "Who leads the Gdansk office?",
    "When did the Toronto office open?",
    "Where was Helena Brandt born?",
    "How much did Fernweh earn in 2022?",
    "Who handles recruiting at universities?",
    "When is the works council elected?",
    "Can I work from Brazil for six months with a tourist visa?",
    "How much is the allowance for a standing desk?",
    "Which day is the common office day for the finance team?",
    "How long is the probation period for managers in Canada?",
    "How much is the relocation bonus?",
    "What is the salary of a recruiter?",
    "How many candidates apply each year?",
    "Who conducts the technical interview?",
    "How often do passwords have to be changed for servers?",
    "What was the result of the last penetration test?",
    "Who was the security officer before Daniel Okafor?",
    "When was the SOC 2 certificate renewed?",
    "Where are backups stored?",
    "How much is the childcare subsidy?",
    "How many people use the lease bicycle?",
    "Who provides the counselling?",
    "How much does the summer offsite cost?",
    "When is the winter offsite?",
    "Which hotel do we stay at during the offsite in Lisbon?",
    "Who organises the christmas party?",
    "Wie viele Urlaubstage erhalten Praktikanten?",
    "Wer entscheidet über die Gehaltserhöhung?",
    "Wann wird das Gehalt überwiesen?",
    "Combien de jours de congé maternité ?",
    "Qui dirige le bureau de Lyon ?",
    "¿Cuánto cuesta el almuerzo en la oficina de Madrid?",
    "What effect did green light have on growth?",
    "Which company sponsored the study of algae?",
    "How much slower did cultures grow under red light?",
    "Can I return a used kayak?",
    "How long is the warranty on backpacks?",
    "Where is the warehouse for gift cards?",
    "How do I delete an order with the API?",
    "When will version 3 of the API be released?",
    "How do I install the Ruby client?",
    "How much does the API cost per request?",
]
"""Questions on a subject of the documents whose answer they do not hold."""

ABSENT: list[str] = [
    "What is the capital of Mongolia?",
    "How do I bake sourdough bread?",
    "Who won the football world cup in 1974?",
    "How does photosynthesis store energy in plants?",
    "What is our policy on artificial intelligence tools?",
    "Where can I park my motorbike?",
    "What is the dress code?",
    "When does the cafeteria serve lunch?",
    "How do I book a meeting room?",
    "What does the fire alarm sound like?",
    "Which printer should I use for posters?",
    "How do I order business cards?",
    "What is the stock option vesting schedule?",
    "Do we sponsor visas?",
    "How do I change the thermostat?",
    "Who maintains the coffee machine?",
    "What is the meaning of the company logo?",
    "Which music may be played in shops?",
    "How do I configure Kubernetes autoscaling?",
    "What are the rules for jury duty?",
    "How is the weather in Hamburg?",
    "tax declaration deadline",
    "lactation room",
    "Wo kann ich mein Fahrrad reparieren lassen?",
    "Wie funktioniert die Kantine?",
    "Où puis-je garer ma voiture ?",
    "¿Cómo solicito un ordenador nuevo?",
    "hello",
    "thanks!",
    "tell me a joke",
]
"""Questions on subjects that the documents do not touch."""

PARAPHRASED: list[tuple[str, str]] = [
    ("How much holiday do I get?", "26 days"),
    ("What happens to vacation I did not use?", "5 unused"),
    ("Until when can I take my remaining vacation?", "31 March"),
    ("I feel unwell, whom should I inform?", "manager"),
    ("How many weeks off do fathers get?", "16 weeks"),
    ("Can I be refunded for wine?", "Alcohol"),
    ("How much is a night in a hotel allowed to cost?", "140 euros"),
    ("My notebook is old, when will I get another one?", "four years"),
    ("I forgot my password", "login.example/reset"),
    ("Is it ok to release on a Friday?", "Never deploy"),
    ("Who is the boss of the company?", "chief executive"),
    ("Where are we based?", "Hamburg"),
    ("Can I work from Thailand?", "Outside the EU"),
    ("What do I earn for recommending a friend?", "2,500 euros"),
    ("How long until I hear back after an interview?", "five working days"),
    ("My laptop was stolen, what now?", "24 hours"),
    ("Do guests need an escort?", "accompanied"),
    ("Can I bring my girlfriend to the offsite?", "Partners are welcome"),
    ("Which password manager do we use?", "Keyring Plus"),
    ("Does the company pay for my gym?", "25 euros"),
    ("How long do I have to send back a tent?", "14 days"),
    ("What status do I get when I send too many requests?", "429"),
    ("What is the maximum file size for uploads?", "25 MB"),
    ("Do I have to be in the office on Tuesdays?", "Tuesday"),
    ("how much money for a desk at home", "40 euros"),
    ("Which offices do we have?", "Lisbon"),
    ("what time is standup allowed", "10:00"),
    ("who do I mail about my pension", "people@fernweh.example"),
    ("rollback command", "--rollback"),
    ("max price company bike", "4,000 euros"),
]
"""Questions in other words than the documents', and words that must stand in the answer."""

TEAMS = """# Depots

The depot in Turin opened in June 2018 and has 44 people. It is run by Chiara Bellandi.

A pick-up point in Ghent is open on request. Parcels are never kept there over night.
"""
SHEET = """# Trolley T4

The trolley weighs 31 kg without its battery. It needs 90 W while charging. It may be loaded with up to 120 kg.

A mentor is a colleague who checks your first ten deliveries. You have a mentor for two months.

The rest mode is set with Menu. A trolley without a driver uses the default of ninety seconds.

Last changed by Petra Vrba on 2 May 2024.
"""
PLANS = """# Subscriptions

| Tariff | Pick-up | Price per week |
|---|---|---|
| Small | every Monday | free of charge |
| Medium | daily | 35 euros |
| Large | twice a day | 79 euros |
"""
YEARS = """# Retention

| Years with us | Paid days for moving |
|---|---|
| 0–3 | 1 |
| 3–6 | 2 |
| 6+ | 4 |
"""
CHECKLIST = """# Drivers

## Before the first tour

- [ ] Signed tour contract returned
- [ ] Key for the depot taken

## Contracts

A tour contract may be signed by the shift lead, Ondrej Maly.
"""
CLEANING = """# Scanner

## Cleaning the scanner

1. Take the battery out.
2. Wipe the lens with the dry cloth.
3. Wait a minute before you put the battery back.

## Service

The scanner is exchanged every three years.
"""

SECOND_LOOK: list[tuple[str, str, str]] = [
    ("Who runs the Turin depot?", TEAMS, "Chiara Bellandi"),
    ("How many people work in Ghent?", TEAMS, ""),
    ("How many people work in Turin?", TEAMS, "44 people"),
    ("How heavy is the trolley with its battery?", SHEET, ""),
    ("What is a mentor?", SHEET, "colleague who checks"),
    ("What is a trolley?", SHEET, ""),
    ("What is Petra Vrba's salary?", SHEET, ""),
    ("What is the phone number of Petra Vrba?", SHEET, ""),
    ("Who is Petra Vrba?", SHEET, ""),
    (
        "What does the Small tariff cost?",
        PLANS,
        "Tariff: Small – Pick-up: every Monday; Price per week: free of charge.",
    ),
    ("How many paid days for moving do I get after 4 years?", YEARS, "Years with us: 3–6 – Paid days for moving: 2."),
    ("Who may sign a tour contract?", CHECKLIST, "Ondrej Maly"),
    ("How do I clean the scanner?", CLEANING, "(1) Take the battery out; (2) Wipe the lens with the dry cloth; (3)"),
]
"""A question, a document, and words of the answer; none where the document only seems to answer."""

ABOUT_FOOTNOTE: list[tuple[str, str]] = [
    ("What is Footnote?", "Footnote is a Slack bot that answers"),
    ("How do I reindex a folder from Slack?", "/reindex handbook"),
    ("Which file types are read?", "Markdown (.md"),
    ("How do I deploy it?", "make install"),
]
"""Questions that our own documents answer, and words that must stand in the answer."""
