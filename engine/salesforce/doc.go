// Package salesforce is the client: a Salesforce org behind engine.Org, spoken
// to over REST, Composite, Bulk 2.0 and SOAP.
//
// The rules it keeps:
//
//   - One path for every request (request.go): session refresh, pacing, retry
//     with full jitter, gzip, a call counter. What is not safe to send twice is
//     never sent twice after a failure that leaves its outcome open.
//   - One spelling of values (value.go), whichever way they came.
//   - A read ends well only when everything that was announced has arrived; a
//     truncated page is read again from its own start.
//   - Memory does not grow with the size of what is read: REST goes page by
//     page, Bulk in blocks, with a few of each in flight.
//   - Errors carry the platform's code, the object and the record, never the
//     platform's message: it may quote record values.
//
// How an SObject is read. A bounded read (StampField) and a small one walk a
// keyset over REST: each page is a query of its own that begins after the last
// row of the one before, so there is no locator to expire and any row is a
// place to resume. A large one is a Bulk 2.0 queryAll job whose result pages
// are fetched side by side; what Bulk refuses falls back to the keyset. Where
// the size is not known, the first page of the keyset tells it. A field list
// too long for an address (a Bulk query travels in the body) is read as several
// queries over the same rows; such a page counts only if all of them saw the
// same ids with the same stamps.
package salesforce
