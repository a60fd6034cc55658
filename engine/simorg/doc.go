// Package simorg is a simulated Salesforce org: an http.Handler that answers as
// the platform does, from OAuth to Bulk 1.0 and 2.0 and SOAP, on records kept in memory. It is
// judged by other people's clients and by recorded describes, and it can be
// made hostile: faults, limits, locks and late commits are data.
//
// One Org is one org. It has Users, Apps (External Client Apps) and a schema
// ([schema.Catalogue]); it knows no client and no type of Holdfast's own. Time is
// the clock it is given. Ids and tokens are deterministic: the same calls on
// two orgs of the same Config give the same ids.
//
// The words: a call is one authorised request; a tx is one transaction of
// writes, with savepoints; a reply is what a handler answers; an apiError is a
// refusal in the platform's own shape.
package simorg
