package simorg

import (
	"encoding/json"
	"math"
	"net/mail"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/holdfast-backup/holdfast/engine/simorg/schema"
)

// stampLayout is how the store spells a moment; REST prints it with +0000.
const stampLayout = "2006-01-02T15:04:05.000Z"

func formatStamp(ms int64) string { return time.UnixMilli(ms).UTC().Format(stampLayout) }

// restText is a stored value as REST prints it.
func restText(f *schema.Field, value string) string {
	if f.Type == "datetime" && strings.HasSuffix(value, "Z") {
		return value[:len(value)-1] + "+0000"
	}
	return value
}

// coerce turns a value of a JSON body or a CSV cell into the store's text; ""
// is null.
func coerce(f *schema.Field, v any) (string, error) {
	text, isText := v.(string)
	switch x := v.(type) {
	case nil:
		return "", nil
	case json.Number:
		text = x.String()
	case bool:
		text = strconv.FormatBool(x)
	case string:
	default:
		return "", badRequest("JSON_PARSER_ERROR", "Cannot deserialize instance of %s from START_OBJECT value { or request may be missing a required field", f.SoapType)
	}
	if text == "" {
		return "", nil
	}
	switch f.Type {
	case "boolean":
		return coerceBool(f, text)
	case "int", "double", "currency", "percent", "long":
		return coerceNumber(f, strings.TrimSpace(text))
	case "date", "datetime", "time":
		return coerceTime(f, text)
	case "id", "reference":
		return coerceID(f, text)
	}
	if !isText {
		if _, number := v.(json.Number); !number {
			return text, nil
		}
	}
	return coerceText(f, text)
}

func wrongType(f *schema.Field, kind, text string) error {
	return badRequest("JSON_PARSER_ERROR", "Cannot deserialize instance of %s from VALUE_STRING value %s or request may be missing a required field at [line:1, column:1]", kind, text)
}

func coerceBool(f *schema.Field, text string) (string, error) {
	switch strings.ToLower(text) {
	case "true", "1":
		return "true", nil
	case "false", "0":
		return "", nil
	}
	return "", wrongType(f, "boolean", text)
}

func coerceNumber(f *schema.Field, text string) (string, error) {
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(n) || math.IsInf(n, 0) {
		return "", wrongType(f, strings.TrimPrefix(f.SoapType, "xsd:"), text)
	}
	if f.Type == "int" {
		if n != math.Trunc(n) || math.Abs(n) > math.MaxInt32 {
			return "", wrongType(f, "int", text)
		}
		written := f.Createable || f.Updateable // a size that the platform tells may have more digits
		if digits := len(strconv.FormatFloat(math.Abs(n), 'f', 0, 64)); written && f.Digits > 0 && digits > f.Digits {
			return "", tooLarge(f)
		}
		return strconv.FormatInt(int64(n), 10), nil
	}
	scale := math.Pow10(f.Scale)
	n = math.Round(n*scale) / scale
	if whole := f.Precision - f.Scale; f.Precision > 0 && math.Abs(n) >= math.Pow10(whole) {
		return "", tooLarge(f)
	}
	return formatDouble(n), nil
}

func tooLarge(f *schema.Field) error {
	return invalidRow("NUMBER_OUTSIDE_VALID_RANGE", []string{f.Name}, "%s: value outside of valid range on numeric field: %s", f.Label, f.Label)
}

// formatDouble spells a number as the platform's Java does: 300.0, 1.2E8.
func formatDouble(n float64) string {
	if n == 0 {
		return "0.0"
	}
	if a := math.Abs(n); a >= 1e7 || a < 1e-3 {
		s := strconv.FormatFloat(n, 'E', -1, 64)
		mantissa, exponent, _ := strings.Cut(s, "E")
		if !strings.Contains(mantissa, ".") {
			mantissa += ".0"
		}
		e, _ := strconv.Atoi(exponent)
		return mantissa + "E" + strconv.Itoa(e)
	}
	s := strconv.FormatFloat(n, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

var timeLayouts = map[string][]string{
	"date": {"2006-01-02", time.RFC3339Nano, "2006-01-02T15:04:05.999-0700"},
	"datetime": {
		time.RFC3339Nano, "2006-01-02T15:04:05.999-0700", "2006-01-02T15:04:05.999-07", "2006-01-02T15:04:05.999",
		"2006-01-02",
	},
	"time": {"15:04:05.999Z", "15:04:05.999", "15:04Z", "15:04"},
}

var storedLayout = map[string]string{"date": "2006-01-02", "datetime": stampLayout, "time": "15:04:05.000Z"}

func coerceTime(f *schema.Field, text string) (string, error) {
	for _, layout := range timeLayouts[f.Type] {
		t, err := time.Parse(layout, text)
		if err != nil {
			continue
		}
		if y := t.Year(); f.Type != "time" && (y < 1700 || y > 4000) {
			return "", invalidRow("NUMBER_OUTSIDE_VALID_RANGE", []string{f.Name}, "%s: invalid date: %s", f.Label, text)
		}
		if f.Type == "datetime" {
			t = t.Truncate(time.Second)
		}
		return t.UTC().Format(storedLayout[f.Type]), nil
	}
	return "", wrongType(f, strings.TrimPrefix(f.SoapType, "xsd:"), text)
}

func coerceID(f *schema.Field, text string) (string, error) {
	id, valid := readID(text)
	if !valid {
		return "", invalidRow("MALFORMED_ID", []string{f.Name}, "%s: id value of incorrect type: %s", f.Label, text)
	}
	return id, nil
}

func coerceText(f *schema.Field, text string) (string, error) {
	if strings.IndexByte(text, 0) >= 0 || !utf8.ValidString(text) {
		return "", invalidRow("TEXT_DATA_OUTSIDE_SUPPORTED_CHARSET", []string{f.Name}, "%s: text data outside supported character set", f.Label)
	}
	if f.Type != "textarea" {
		if text = strings.TrimSpace(text); text == "" {
			return "", nil
		}
	}
	if f.Length > 0 && f.Type != "base64" && len(text) > f.Length && len([]rune(text)) > f.Length {
		shown := text
		if len(shown) > 100 {
			shown = shown[:100]
		}
		return "", invalidRow("STRING_TOO_LONG", []string{f.Name}, "%s: data value too large: %s (max length=%d)", f.Label, strings.ToValidUTF8(shown, ""), f.Length)
	}
	switch f.Type {
	case "email":
		if _, err := mail.ParseAddress(text); err != nil || strings.ContainsAny(text, " <>") {
			return "", invalidRow("INVALID_EMAIL_ADDRESS", []string{f.Name}, "%s: invalid email address: %s", f.Label, text)
		}
	case "picklist", "multipicklist":
		return text, restricted(f, text)
	}
	return text, nil
}

// restricted refuses a value that a restricted picklist does not list.
func restricted(f *schema.Field, text string) error {
	if !f.RestrictedPicklist || len(f.PicklistValues) == 0 {
		return nil
	}
	values := []string{text}
	if f.Type == "multipicklist" {
		values = strings.Split(text, ";")
	}
	for _, v := range values {
		if !slices.ContainsFunc(f.PicklistValues, func(p schema.PicklistValue) bool { return p.Active && strings.EqualFold(p.Value, v) }) {
			return invalidRow("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", []string{f.Name}, "%s: bad value for restricted picklist field: %s", f.Label, v)
		}
	}
	return nil
}
