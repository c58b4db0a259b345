"""The snapshot of a report's page: a cube of days × places × deal descriptions, and the requests with their deals and paths, so
that the page shows other periods, models and date bases without asking the marts again. Made once a report, per site, scope and
language.

Files are JSON; tables are objects of equally long columns. Days are whole numbers since `manifest.history.from`; money is whole:
hundredths, and millionths for `cost`. Sums over any places and days equal figures.json of that period (tests/sql/test_snapshot.py).
A month's table that would be over 3 MB packed is cut into halves (`…-a`, `…-b`), and one without rows has no file: what there is
stands in `manifest.files`.

- `manifest`: site, language, period of the mail, history, models, bases, labels, plan, rates, `pages` of requests, `files`.
- `places`: the tree channel → source → campaign → ad → keyword; row 0 is the root, parents come before children. A figure stands at
  the deepest level that its row tells, so a place's own rows are what is told no deeper. At most 20,000; the least keywords, then
  ads, then campaigns count at their parents, `manifest.folded` of them.
- `dims`: pipeline, manager, branch, product (of the request's first deal) and contact channel; row 0 is empty.
- `traffic-YYYY-MM`: visits, clicks, impressions, cost of a place on a day.
- `results-{model}-{basis}-YYYY-MM`: requests, qualified, sales, repeat sales, requests made during a visit (sums of
  weights), revenue, profit (null = unknown), and how many parts of money have a cost price (`priced`) or none (`unpriced`), by the
  day of the date basis.
- `landings`, `landings-YYYY-MM`: first pages of visits with what came of their visits under the default model, by request day.
- `sections-YYYY-MM`: first path segments of pages with the visits that saw them, and the requests and sales made in these visits.
- `requests-YYYY-MM-N`: at most 1,000 requests each, newest first: counted ones and those with deals, each with deals and path.
  A touch: place, minute, weight under each model, its number in the path, marks (1: the request names its source itself, 2: may win
  in the model last_significant). `left_out`: why the visits that led to it are not counted.

A reader of a scope gets the places, results and landings of its channels and the requests that the default model credits to them,
with the part of their money that it credits there; nothing is told of other touches of their paths, whose own are numbered among
themselves. No visitor, phone or e-mail.

The marts are asked in windows of days that have at most so many rows (snapshot.py), and a month's rows wait as JSON until its last
day is over, so that memory depends on the windows and not on how much a month has. Reports of one history, scope and language share
all files but the manifest (`made_of`, `snapshot_from`).
"""
