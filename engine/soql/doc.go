// Package soql reads, prints, checks and evaluates SOQL, the query language of
// the Salesforce platform. It is pure: it knows no org and does no I/O.
//
// The words:
//
//   - Query: a whole SELECT; a sub-select is one too.
//   - Expr: what a query selects, groups, sorts or compares: a Field (a path
//     such as Account.Owner.Name) or a Call of one of the language's functions.
//   - Condition: the tree behind WHERE and HAVING (And, Or, Not, Comparison,
//     Membership); its leaves compare an Expr with Literals.
//   - Filter: a condition as a form shows it, a list and a logic such as
//     "1 AND (2 OR 3)".
//
// [Parse] and [ParseCondition] make them from text, String gives the canonical
// text back, [Compile] makes a condition quick to evaluate, [Validate] checks it
// against a describe. Every refusal is a [SyntaxError], worded as the platform does.
//
// What of the platform's grammar is refused: binds (Apex only), DISTANCE and
// GEOLOCATION, WITH DATA CATEGORY, and more than one object after FROM.
package soql
