"""What people call the fields of events, and the words for them, in tables of their own."""

from __future__ import annotations

# How people call what a field holds. A column whose name is near one of these is guessed to be it.
CALLED = {
    "effective": ("date", "deal date", "closing date", "close date", "transaction date", "announced", "signed",
                  "closed", "completed", "signing date", "when"),
    "known": ("known", "reported on", "publication date", "published on", "news date", "source date"),
    "status": ("status", "confidence", "deal status", "certainty", "reliability", "how sure"),
    "note": ("note", "notes", "comment", "comments", "remarks", "memo"),
    "source.url": ("source", "url", "link", "source url", "reference"),
    "source.title": ("source title", "headline", "article"),
    "source.publisher": ("publisher", "source name", "newspaper", "outlet"),
    "investor": ("investor", "investors", "lead investor", "backer", "fund", "buyer", "acquirer", "lender", "firm"),
    "issuer": ("company", "issuer", "target", "portfolio company", "investee", "startup", "business", "borrower"),
    "holder": ("holder", "seller", "owner", "investor", "shareholder", "fund", "lp"),
    "amount": ("amount", "deal size", "size", "investment", "amount invested", "invested", "value", "deal value",
               "total", "consideration", "commitment", "contract value", "cost", "ticket"),
    "proceeds": ("proceeds", "amount", "price", "sale price", "value", "deal value", "exit value"),
    "instrument": ("instrument", "security", "deal type", "investment type", "asset class", "type of security"),
    "round": ("round", "series", "funding round", "stage", "round name"),
    "stake": ("stake", "ownership", "equity stake", "equity", "share acquired", "share", "percent acquired", "holding"),
    "units": ("units", "shares", "number of shares", "quantity", "no of shares"),
    "seller": ("seller", "vendor", "sold by"),
    "buyer": ("buyer", "acquirer", "sold to", "purchaser"),
    "lead": ("lead", "is lead", "led"),
    "form": ("form", "form of payment", "consideration type"),
    "from": ("from", "investor", "lp", "limited partner", "committed by", "pledged by", "payer"),
    "to": ("to", "company", "fund", "recipient", "committed to", "beneficiary"),
    "commitment": ("commitment", "commitment id", "pledge"),
    "purpose": ("purpose", "use of funds"),
    "binding": ("binding", "is binding"),
    "contract": ("contract", "contract id", "agreement"),
    "customer": ("customer", "client", "buyer", "purchaser"),
    "provider": ("provider", "supplier", "vendor", "seller"),
    "resource": ("resource", "product", "service"),
    "subject": ("company", "subject", "issuer", "name"),
    "value": ("valuation", "value", "post money", "market cap", "fair value", "nav", "mark"),
    "basis": ("basis", "valuation basis", "valuation type"),
    "payer": ("payer", "paid by", "fund", "company"),
    "entity": ("id", "entity", "slug"),
    "name": ("name", "company", "entity name", "party"),
    "kind": ("kind", "type", "category"),
    "country": ("country", "domicile", "hq country"),
    "city": ("city", "hq"),
    "sector": ("sector", "industry"),
    "parent": ("parent", "owner", "group"),
    "base": ("base", "from currency"),
    "quote": ("quote", "to currency"),
    "rate": ("rate", "fx rate", "exchange rate"),
}  # fmt: skip
# Which word is meant by what people write for an instrument. What it is comes before the round that it came in: a
# Series B loan is a loan. Of series only those that are rounds: A, AA, B-1, C2, A+.
INSTRUMENTS = (
    (r"\bconv(?:ert|\b)|\bsafes?\b", "convertible"),
    (r"debt|\bloan|\bbond|credit|\bnotes?\b|mezzanine|facility", "debt"),
    (r"bridge", "convertible"),
    (r"\bseries[ -](?:pre-?)?([a-z])\1?(?:[ -]?(?:[0-9]{1,2}|i{1,3}))?(?!\w)", "equity"),
    (r"seed|angel|pre-?seed|growth|equity|ipo|common|preferred|stock|share", "equity"),
    (r"fund|lp\b", "fund_interest"),
    (r"warrant", "warrant"),
    (r"grant", "grant"),
)
# The same of how sure something is.
STATUSES = (
    (r"rumou?r|unconfirmed|speculat|hearsay|unverified", "rumoured"),
    (r"den(?:y|ied)", "denied"),
    (r"report|press|media|news|article|announced", "reported"),
    (r"confirm|official|verified|filing|certain|sure", "confirmed"),
)
