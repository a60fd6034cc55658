package timemachine

// The answers of Holdfast with the members that CONTRACT.md names; what it does
// not name is dropped when one is read (TimeMachineAnswer).

type versionsAnswer struct {
	Versions  []version `json:"versions"`
	EndCursor *string   `json:"endCursor"`
}

type version struct {
	ID             string  `json:"id"`
	CapturedAt     string  `json:"capturedAt"`
	ModifiedAt     *string `json:"modifiedAt"`
	ModifiedByName *string `json:"modifiedByName"`
	Tombstone      *string `json:"tombstone"`
}

type comparison struct {
	Columns           []column `json:"columns"`
	Fields            []field  `json:"fields"`
	CanRestore        bool     `json:"canRestore"`
	CannotRestoreCode *string  `json:"cannotRestoreCode"`
}

type column struct {
	VersionID       *string `json:"versionId"`
	CapturedAt      *string `json:"capturedAt"`
	ModifiedAt      *string `json:"modifiedAt"`
	ModifiedByName  *string `json:"modifiedByName"`
	ReadAt          *string `json:"readAt"`
	Missing         bool    `json:"missing"`
	Tombstone       *string `json:"tombstone"`
	CurrencyIsoCode *string `json:"currencyIsoCode"`
}

type field struct {
	Name       string       `json:"name"`
	Label      string       `json:"label"`
	Type       string       `json:"type"`
	Identical  bool         `json:"identical"`
	Restorable bool         `json:"restorable"`
	ReasonCode *string      `json:"reasonCode"`
	Reason     *string      `json:"reason"`
	Values     []*string    `json:"values"`
	Absent     []int        `json:"absent"`
	References []*reference `json:"references"`
}

type reference struct {
	Name    string `json:"name"`
	Deleted bool   `json:"deleted"`
}

type jobAnswer struct {
	Job job `json:"job"`
}

type job struct {
	ID        string    `json:"id"`
	JobNumber int64     `json:"jobNumber"`
	State     string    `json:"state"`
	Progress  *progress `json:"progress"`
	Error     *failure  `json:"error"`
	Outcomes  []outcome `json:"outcomes"`
}

type progress struct {
	Done  int `json:"done"`
	Total int `json:"total"`
}

type outcome struct {
	Name    string  `json:"name"`
	Outcome string  `json:"outcome"`
	Code    *string `json:"code"`
	Message *string `json:"message"`
}

type ticket struct {
	URL    string `json:"url"`
	Ticket string `json:"ticket"`
}

type filesAnswer struct {
	Files     []file  `json:"files"`
	EndCursor *string `json:"endCursor"`
}

type file struct {
	ID         string  `json:"id"`
	Title      string  `json:"title"`
	Extension  *string `json:"extension"`
	Bytes      int64   `json:"bytes"`
	CapturedAt string  `json:"capturedAt"`
	State      string  `json:"state"`
}

type link struct {
	URL string `json:"url"`
}

type deletedRecords struct {
	Records   []deletedRecord `json:"records"`
	EndCursor *string         `json:"endCursor"`
}

type deletedRecord struct {
	ObjectName  string  `json:"objectName"`
	ObjectLabel string  `json:"objectLabel"`
	RecordID    string  `json:"recordId"`
	Name        *string `json:"name"`
	DeletedAt   string  `json:"deletedAt"`
	Tombstone   string  `json:"tombstone"`
}
