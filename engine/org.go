package engine

import (
	"context"
	"io"
	"time"
)

// Org is a connected Salesforce org as the operations see it. Every method
// may be called from several goroutines; retries, pacing and session refresh
// happen behind it. Errors are *Error: KindTransient when retries ran out,
// KindDenied when the org refuses our user, KindLimit when its quota is used
// up, KindNotFound when the SObject or record is not there or not visible.
type Org interface {
	Reader
	Writer
	Metadata
	Inspector
	Files
}

// Reader reads schema and records.
type Reader interface {
	// DescribeGlobal lists every SObject our user can see, without fields.
	DescribeGlobal(ctx context.Context) ([]SObject, error)
	// Describe answers one result per request, in order. An SObject that cannot
	// be described has its Err set; the others are not affected.
	Describe(ctx context.Context, requests []DescribeRequest) ([]DescribeResult, error)
	// Count is the platform's own, approximate count per SObject; what it does
	// not know is absent (salesforce-platform.md §4.5).
	Count(ctx context.Context, objects []string) (map[string]int64, error)
	// Read streams the records that the request selects.
	Read(ctx context.Context, request ReadRequest) (Rows, error)
	// Retrieve reads records by id as they are now, in the order of ids; one that
	// is deleted or not visible comes back with Found false.
	Retrieve(ctx context.Context, request RetrieveRequest) ([]CurrentRecord, error)
	// Deleted lists what was deleted in [from, to): getDeleted. KindInvalid with
	// code INVALID_REPLICATION_DATE when the org no longer knows that far back.
	Deleted(ctx context.Context, object string, from, to time.Time) ([]DeletedRecord, error)
}

// DescribeRequest asks for one SObject's describe, unless it is unchanged
// since Since (zero: always).
type DescribeRequest struct {
	Object string
	Since  time.Time
}

// DescribeResult is one describe. Unchanged means the caller's copy is current
// and SObject is nil.
type DescribeResult struct {
	Object    string
	SObject   *SObject
	Unchanged bool
	AsOf      time.Time
	Err       error
}

// ReadRequest selects records of one SObject, the soft-deleted and archived
// ones included (queryAll).
type ReadRequest struct {
	Object SObject  // its describe: values are canonicalised by its types
	Fields []string // what to read, in the order of the rows' values
	Where  string   // a SOQL condition without WHERE, already valid; "" for none
	// StampField, Since, Until bound the read to Since ≤ StampField < Until.
	// Such a read comes ordered by (StampField, Id). Empty or zero: no bound.
	StampField string
	Since      time.Time
	Until      time.Time
	// Expect is about how many rows there are, -1 when not known: it decides
	// between REST and Bulk.
	Expect int64
	// Resume is a Position of an earlier Read of the same request.
	Resume []byte
}

// Rows is a stream of records. It must be closed.
type Rows interface {
	// Fields are the columns, in order, the same for every row.
	Fields() []string
	// Next returns the next row: a value per field in canonical text, empty for
	// null. The slices are valid until the next call. io.EOF comes only when all
	// that the platform announced was delivered; a truncated answer is an error.
	Next(ctx context.Context) ([][]byte, error)
	// Position is where a later Read may resume so that no row that was not yet
	// returned is missed. Some rows already returned may come again.
	Position() []byte
	Close() error
}

// RetrieveRequest names records of one SObject and the fields to read.
type RetrieveRequest struct {
	Object SObject
	Fields []string
	IDs    []RecordID
}

// CurrentRecord is a record as the org has it now; Values are canonical text
// in the order of the request's Fields.
type CurrentRecord struct {
	ID     RecordID
	Found  bool
	Values []string
}

// DeletedRecord is one entry of the org's delete log.
type DeletedRecord struct {
	ID        RecordID
	DeletedAt time.Time
}

// Files reads the content of files.
type Files interface {
	// ReadFile writes the content of a record's base64 field to w, each byte once:
	// a transfer that breaks goes on where it stopped. KindNotFound when the
	// record is gone, KindCorrupt with code FILE_TRUNCATED or FILE_DIFFERS when
	// what came is not what the record says; w has then got what is of no use.
	ReadFile(ctx context.Context, file FileRequest, w io.Writer) error
}

// FileRequest names a file's content and what is known of it.
type FileRequest struct {
	Object string
	Field  string // the base64 field: VersionData, Body
	ID     RecordID
	Size   int64  // bytes by its record, -1 when it does not tell
	MD5    string // lower-case hex by its record, "" when it does not tell
}

// Writer changes records. Each call answers one result per row, in order; a
// row that fails never fails its neighbours.
type Writer interface {
	Insert(ctx context.Context, request WriteRequest) ([]WriteResult, error)
	Update(ctx context.Context, request WriteRequest) ([]WriteResult, error)
	Delete(ctx context.Context, object string, ids []RecordID) ([]WriteResult, error)
	// Undelete brings records back from the Recycle Bin under their own ids (SOAP).
	Undelete(ctx context.Context, ids []RecordID) ([]WriteResult, error)
}

// WriteRequest is rows of one SObject. Assignment rules are off and the
// duplicate-rule header allows saving.
type WriteRequest struct {
	Object SObject
	Rows   []WriteRow
}

// WriteRow is field values in canonical text; an empty value writes null. ID
// is empty for an insert.
type WriteRow struct {
	ID     RecordID
	Values map[string]string
}

// WriteResult is what became of one row.
type WriteResult struct {
	ID     RecordID
	OK     bool
	Errors []WriteError
}

// WriteError is the platform's refusal of a row: its statusCode, its message
// and the fields it names.
type WriteError struct {
	Code    string
	Message string
	Fields  []string
}

// Inspector asks an org about itself.
type Inspector interface {
	// Identity is the org and the user we are connected as.
	Identity(ctx context.Context) (OrgIdentity, error)
	// Limits are the org's own counters.
	Limits(ctx context.Context) (OrgLimits, error)
	// ServerTime is the org's clock (its Date header), never ours.
	ServerTime(ctx context.Context) (time.Time, error)
	// Preflight names each permission our user lacks and what is missed without it.
	Preflight(ctx context.Context) ([]PreflightFinding, error)
	// Calls is how many API calls this connection has made so far.
	Calls() int64
}

// OrgIdentity names an org and the user we act as there.
type OrgIdentity struct {
	OrgID       string
	OrgName     string
	InstanceURL string
	APIVersion  string
	Sandbox     bool
	UserID      RecordID
	Username    string
}

// OrgLimits are the org's daily allowances and what is left of them.
type OrgLimits struct {
	APIRequests     Allowance // DailyApiRequests
	BulkQueryJobs   Allowance // DailyBulkV2QueryJobs
	BulkQueryMB     Allowance // DailyBulkV2QueryFileStorageMB
	BulkIngestBatch Allowance // DailyBulkApiBatches
}

// Allowance is a daily maximum and what remains of it.
type Allowance struct{ Max, Remaining int64 }

// PreflightFinding is one thing our user in the org lacks. Missed says what a
// backup or restore will not do without it, Fix how to grant it.
type PreflightFinding struct {
	Permission string
	Granted    bool
	Missed     string
	Fix        string
}

// Connection is how to reach an org: secrets in plain text, so it lives in
// memory only, for as long as it is used.
type Connection struct {
	OrgRef       string // our id of the org, for messages
	Flow         OAuthFlow
	LoginURL     string
	InstanceURL  string
	ClientID     string
	ClientSecret string
	AccessToken  string
	RefreshToken string
	APIVersion   string
	// RESTPercent and BulkPercent are how much of the org's daily allowance we
	// may see used before we pause (F200).
	RESTPercent int
	BulkPercent int
	// Save keeps tokens that a refresh has changed.
	Save func(ctx context.Context, t Tokens) error
	// Saved gives the tokens that were saved last, maybe by another node; nil
	// where nobody else renews them.
	Saved func(ctx context.Context) (Tokens, error)
	// Revoked hears, once, that the org has withdrawn our access; nil for nobody.
	Revoked func(ctx context.Context)
}

// OAuthFlow is one of the three ways to connect (salesforce-platform.md §1.3).
type OAuthFlow string

// The OAuth flows.
const (
	FlowWebServer         OAuthFlow = "WEB_SERVER" // authorization code with PKCE
	FlowRefreshToken      OAuthFlow = "REFRESH_TOKEN"
	FlowClientCredentials OAuthFlow = "CLIENT_CREDENTIALS"
)

// Tokens are the secrets of a session.
type Tokens struct {
	AccessToken  string
	RefreshToken string
	InstanceURL  string
}

// Opener connects to orgs.
type Opener interface {
	// Open makes sure that the connection works (it signs in if it must).
	Open(ctx context.Context, c Connection) (Org, error)
	// AuthorizeURL is where a browser goes to grant access (web-server flow).
	AuthorizeURL(r AuthorizeRequest) (string, error)
	// Exchange turns the code of a granted authorization into tokens.
	Exchange(ctx context.Context, r ExchangeRequest) (Tokens, error)
	// Revoke gives up a token.
	Revoke(ctx context.Context, loginURL, token string) error
}

// AuthorizeRequest is the web-server flow's first step, with PKCE.
type AuthorizeRequest struct {
	LoginURL, ClientID, RedirectURI, State, CodeVerifier string
}

// ExchangeRequest is its second.
type ExchangeRequest struct {
	LoginURL, ClientID, ClientSecret, RedirectURI, Code, CodeVerifier string
}
