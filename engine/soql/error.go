package soql

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// The platform's error codes that this package gives.
const (
	CodeMalformed      = "MALFORMED_QUERY"
	CodeInvalidField   = "INVALID_FIELD"
	CodeInvalidType    = "INVALID_TYPE"
	CodeFilterOperator = "INVALID_QUERY_FILTER_OPERATOR"
)

// SyntaxError says what is wrong with a query and where. Message is the
// platform's text: the line, a caret under the place, the row and column, and
// Detail. Row and Column count from 1.
type SyntaxError struct {
	Code    string
	Message string
	Detail  string
	Row     int
	Column  int
}

func (e *SyntaxError) Error() string { return e.Code + ": " + e.Message }

// ErrorAt words an error about the source at a position as the platform does.
// An empty source, of a condition that was not parsed, leaves Message bare.
func ErrorAt(src string, at Pos, code, detail string) *SyntaxError {
	if src == "" {
		return &SyntaxError{Code: code, Message: detail, Detail: detail}
	}
	row, column, line := locate(src, int(at))
	near, caret := window(line, column-1)
	return &SyntaxError{
		Code: code, Row: row, Column: column, Detail: detail,
		Message: fmt.Sprintf("\n%s\n%s^\nERROR at Row:%d:Column:%d\n%s", near, strings.Repeat(" ", caret), row, column, detail),
	}
}

// lexError is worded as the platform's scanner, which counts columns from 0
// and shows no line.
func lexError(src string, at int, detail string) *SyntaxError {
	row, column, _ := locate(src, at)
	return &SyntaxError{
		Code: CodeMalformed, Row: row, Column: column, Detail: detail,
		Message: fmt.Sprintf("line %d:%d %s", row, column-1, detail),
	}
}

// locate finds the row, the column (in characters) and the line of an offset.
func locate(src string, at int) (row, column int, line string) {
	at = min(max(at, 0), len(src))
	start := strings.LastIndexByte(src[:at], '\n') + 1
	line = src[start:]
	if end := strings.IndexByte(line, '\n'); end >= 0 {
		line = line[:end]
	}
	row = strings.Count(src[:start], "\n") + 1
	return row, utf8.RuneCountInString(src[start:at]) + 1, strings.TrimSuffix(line, "\r")
}

// window cuts a line to the words near the caret: four before it, four after.
func window(line string, caret int) (string, int) {
	const words, longest = 4, 400
	runes := []rune(line)
	caret = min(caret, len(runes))
	start, end := caret, caret
	for n := 0; start > 0; start-- {
		if runes[start-1] == ' ' {
			if n++; n > words {
				break
			}
		}
	}
	for n := 0; end < len(runes) && end < caret+longest; end++ {
		if runes[end] == ' ' {
			if n++; n > words {
				break
			}
		}
	}
	return string(runes[start:end]), caret - start
}
