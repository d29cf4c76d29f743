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
# The words that people write for an instrument. A word stands for it whole, never as a part of another one.
INSTRUMENTS = {
    "convertible": ("convertible", "convertibles", "conv", "safe", "safes"),
    "debt": ("debt", "loan", "loans", "bond", "bonds", "credit", "note", "notes", "mezzanine", "facility", "revolver"),
    "equity": ("equity", "common", "preferred", "stock", "share", "shares"),
    "fund_interest": ("fund", "lp"),
    "warrant": ("warrant", "warrants"),
    "grant": ("grant", "grants"),
}
# Rounds, which tell only where nothing else does: a Series B loan is a loan. Of series only those: A, AA, B-1, C2, A+.
SERIES = r"\b(?:pre[ -])?series[ -](?:pre[ -]?)?(?:seed|([a-z])\1?(?:[ -]?(?:[0-9]{1,2}|i{1,3}))?)(?!\w)\+?"
ROUNDS = ("seed", "angel", "preseed", "growth", "ipo")
# Words that say nothing of it. Beside any other one nothing is guessed: `Not Series A`, `Series A or debt`.
BESIDE = (
    "bridge", "corporate", "early", "ext", "extension", "financing", "first", "funding", "interest", "interests",
    "investment", "junior", "late", "later", "lien", "line", "pre", "private", "promissory", "revolving", "round",
    "second", "secured", "senior", "stage", "subordinated", "syndicated", "term", "unsecured", "venture",
)  # fmt: skip
# Which word is meant by what people write for how sure something is.
STATUSES = (
    (r"rumou?r|unconfirmed|speculat|hearsay|unverified", "rumoured"),
    (r"den(?:y|ied)", "denied"),
    (r"report|press|media|news|article|announced", "reported"),
    (r"confirm|official|verified|filing|certain|sure", "confirmed"),
)
