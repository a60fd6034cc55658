package soql

// dateRange describes a date literal such as LAST_N_MONTHS.
type dateRange struct {
	counted bool // followed by :n
}

// dateRanges are the date literals by name.
var dateRanges = func() map[string]dateRange {
	all := map[string]dateRange{"YESTERDAY": {}, "TODAY": {}, "TOMORROW": {}, "LAST_90_DAYS": {}, "NEXT_90_DAYS": {}}
	for _, unit := range []string{"WEEK", "MONTH", "QUARTER", "YEAR", "FISCAL_QUARTER", "FISCAL_YEAR"} {
		all["LAST_"+unit], all["THIS_"+unit], all["NEXT_"+unit] = dateRange{}, dateRange{}, dateRange{}
	}
	for _, unit := range []string{"DAYS", "WEEKS", "MONTHS", "QUARTERS", "YEARS", "FISCAL_QUARTERS", "FISCAL_YEARS"} {
		all["LAST_N_"+unit] = dateRange{counted: true}
		all["NEXT_N_"+unit] = dateRange{counted: true}
		all["N_"+unit+"_AGO"] = dateRange{counted: true}
	}
	return all
}()
