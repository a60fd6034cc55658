package soql

import "strings"

type funcKind int

const (
	notAFunc funcKind = iota
	aggregateFunc
	dateFunc
	displayFunc
	groupingFunc
)

type function struct {
	name string
	kind funcKind
}

// functions are the language's functions by folded name.
var functions = func() map[string]function {
	all := map[string]function{}
	for kind, names := range map[funcKind]string{
		aggregateFunc: "COUNT COUNT_DISTINCT SUM AVG MIN MAX",
		dateFunc: "CALENDAR_MONTH CALENDAR_QUARTER CALENDAR_YEAR DAY_IN_MONTH DAY_IN_WEEK DAY_IN_YEAR DAY_ONLY " +
			"FISCAL_MONTH FISCAL_QUARTER FISCAL_YEAR HOUR_IN_DAY WEEK_IN_MONTH WEEK_IN_YEAR convertTimezone",
		displayFunc:  "toLabel FORMAT convertCurrency",
		groupingFunc: "GROUPING",
	} {
		for name := range strings.FieldsSeq(names) {
			all[fold(name)] = function{name, kind}
		}
	}
	return all
}()

func fold(s string) string { return strings.ToUpper(s) }
