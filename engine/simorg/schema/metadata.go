package schema

import "encoding/xml"

// Namespace is the XML namespace of the Metadata API.
const Namespace = "http://soap.sforce.com/2006/04/metadata"

// CustomObject is an object as the Metadata API and SFDX source spell it. In
// SFDX source the lists stand in files of their own.
type CustomObject struct {
	XMLName            xml.Name             `xml:"http://soap.sforce.com/2006/04/metadata CustomObject"`
	FullName           string               `xml:"fullName,omitempty"`
	CustomSettingsType string               `xml:"customSettingsType,omitempty"`
	DeploymentStatus   string               `xml:"deploymentStatus,omitempty"`
	EnableActivities   bool                 `xml:"enableActivities,omitempty"`
	EnableFeeds        bool                 `xml:"enableFeeds,omitempty"`
	EnableHistory      bool                 `xml:"enableHistory,omitempty"`
	Fields             []CustomField        `xml:"fields"`
	Indexes            []Index              `xml:"indexes"`
	Label              string               `xml:"label,omitempty"`
	NameField          *NameField           `xml:"nameField"`
	PluralLabel        string               `xml:"pluralLabel,omitempty"`
	RecordTypes        []RecordTypeMetadata `xml:"recordTypes"`
	SharingModel       string               `xml:"sharingModel,omitempty"`
	ValidationRules    []ValidationRule     `xml:"validationRules"`
}

// NameField is the Name of a custom object.
type NameField struct {
	DisplayFormat string `xml:"displayFormat,omitempty"`
	Label         string `xml:"label"`
	Type          string `xml:"type"`
}

// CustomField is a field of a CustomObject.
type CustomField struct {
	XMLName              xml.Name      `xml:"fields"`
	FullName             string        `xml:"fullName"`
	CaseSensitive        bool          `xml:"caseSensitive,omitempty"`
	DefaultValue         string        `xml:"defaultValue,omitempty"`
	DeleteConstraint     string        `xml:"deleteConstraint,omitempty"`
	Description          string        `xml:"description,omitempty"`
	DisplayFormat        string        `xml:"displayFormat,omitempty"`
	ExternalID           bool          `xml:"externalId,omitempty"`
	Formula              string        `xml:"formula,omitempty"`
	FormulaTreatBlanksAs string        `xml:"formulaTreatBlanksAs,omitempty"`
	InlineHelpText       string        `xml:"inlineHelpText,omitempty"`
	Label                string        `xml:"label,omitempty"`
	Length               int           `xml:"length,omitempty"`
	LookupFilter         *LookupFilter `xml:"lookupFilter"`
	Precision            int           `xml:"precision,omitempty"`
	ReferenceTo          string        `xml:"referenceTo,omitempty"`
	RelationshipLabel    string        `xml:"relationshipLabel,omitempty"`
	RelationshipName     string        `xml:"relationshipName,omitempty"`
	RelationshipOrder    *int          `xml:"relationshipOrder"`
	Reparentable         bool          `xml:"reparentableMasterDetail,omitempty"`
	Required             bool          `xml:"required,omitempty"`
	Scale                int           `xml:"scale,omitempty"`
	SummarizedField      string        `xml:"summarizedField,omitempty"`
	SummaryFilterItems   []FilterItem  `xml:"summaryFilterItems"`
	SummaryForeignKey    string        `xml:"summaryForeignKey,omitempty"`
	SummaryOperation     string        `xml:"summaryOperation,omitempty"`
	TrackHistory         bool          `xml:"trackHistory,omitempty"`
	Type                 string        `xml:"type,omitempty"`
	Unique               bool          `xml:"unique,omitempty"`
	ValueSet             *ValueSet     `xml:"valueSet"`
	VisibleLines         int           `xml:"visibleLines,omitempty"`
	WriteRequiresRead    bool          `xml:"writeRequiresMasterRead,omitempty"`
}

// LookupFilter limits what a reference may point at.
type LookupFilter struct {
	Active       bool         `xml:"active"`
	ErrorMessage string       `xml:"errorMessage,omitempty"`
	FilterItems  []FilterItem `xml:"filterItems"`
	IsOptional   bool         `xml:"isOptional"`
}

// FilterItem is one comparison of a lookup or roll-up filter.
type FilterItem struct {
	Field      string `xml:"field"`
	Operation  string `xml:"operation"`
	Value      string `xml:"value,omitempty"`
	ValueField string `xml:"valueField,omitempty"`
}

// ValueSet is the values of a picklist.
type ValueSet struct {
	Restricted bool `xml:"restricted,omitempty"`
	Definition *struct {
		Sorted bool    `xml:"sorted"`
		Values []Value `xml:"value"`
	} `xml:"valueSetDefinition"`
}

// Value is one value of a picklist.
type Value struct {
	FullName string `xml:"fullName"`
	Default  bool   `xml:"default"`
	IsActive *bool  `xml:"isActive"`
	Label    string `xml:"label"`
}

// ValidationRule is a rule of a CustomObject.
type ValidationRule struct {
	XMLName               xml.Name `xml:"validationRules"`
	FullName              string   `xml:"fullName"`
	Active                bool     `xml:"active"`
	Description           string   `xml:"description,omitempty"`
	ErrorConditionFormula string   `xml:"errorConditionFormula"`
	ErrorDisplayField     string   `xml:"errorDisplayField,omitempty"`
	ErrorMessage          string   `xml:"errorMessage"`
}

// RecordTypeMetadata is a record type of a CustomObject.
type RecordTypeMetadata struct {
	XMLName  xml.Name `xml:"recordTypes"`
	FullName string   `xml:"fullName"`
	Active   bool     `xml:"active"`
	Label    string   `xml:"label"`
}

// Index is the key of a big object.
type Index struct {
	FullName string `xml:"fullName"`
	Fields   []struct {
		Name          string `xml:"name"`
		SortDirection string `xml:"sortDirection"`
	} `xml:"fields"`
	Label string `xml:"label"`
}
