package soql

import (
	"strconv"
	"strings"
	"unicode/utf16"
)

// plainEscapes are the letters after a backslash and what they stand for.
const (
	plainEscapes = `nrtbf'"\`
	plainValues  = "\n\r\t\b\f'\"\\"
)

// Quote writes s as a string literal that reads back as s, whatever is in it.
func Quote(s string) string { return quote(s, false) }

// EscapeLike makes a LIKE pattern that matches s itself, its % and _ included.
func EscapeLike(s string) string {
	return strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(s)
}

// quote writes a literal; a pattern's own escapes (\% \_ \\) stay as they are.
func quote(s string, pattern bool) string {
	var b strings.Builder
	b.Grow(len(s) + 2)
	b.WriteByte('\'')
	for i := 0; i < len(s); i++ {
		switch at := strings.IndexByte(plainValues, s[i]); {
		case pattern && likeEscape(s[i:]):
			b.WriteString(s[i : i+2])
			i++
		case at >= 0 && s[i] != '"':
			b.WriteByte('\\')
			b.WriteByte(plainEscapes[at])
		default:
			b.WriteByte(s[i])
		}
	}
	b.WriteByte('\'')
	return b.String()
}

// unquote resolves a checked literal's escapes, but for those of a pattern.
func unquote(literal string, pattern bool) string {
	s := literal[1 : len(literal)-1]
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		n := escapeLength(s[i:])
		switch {
		case n == 0:
			b.WriteByte(s[i])
			n = 1
		case pattern && likeEscape(s[i:]):
			b.WriteString(s[i : i+2])
		case n == 2:
			b.WriteByte(escaped(s[i+1]))
		default:
			var r rune
			r, n = codeUnits(s[i:])
			b.WriteRune(r)
		}
		i += n
	}
	return b.String()
}

// escapeLength measures the escape that s begins with, 0 for none or a wrong one.
func escapeLength(s string) int {
	switch {
	case len(s) < 2 || s[0] != '\\':
		return 0
	case s[1]|0x20 == 'u' && len(s) >= 6:
		if _, err := strconv.ParseUint(s[2:6], 16, 16); err == nil {
			return 6
		}
		return 0
	case escaped(s[1]) != 0:
		return 2
	}
	return 0
}

// escaped is the character that a backslash and c stand for, 0 for none.
func escaped(c byte) byte {
	if c == '%' || c == '_' {
		return c
	}
	if isLetter(c) {
		c |= 0x20
	}
	if at := strings.IndexByte(plainEscapes, c); at >= 0 {
		return plainValues[at]
	}
	return 0
}

// codeUnits decodes \uXXXX, or two of them that make one character.
func codeUnits(s string) (rune, int) {
	first := codeUnit(s)
	if utf16.IsSurrogate(first) && escapeLength(s[6:]) == 6 {
		if r := utf16.DecodeRune(first, codeUnit(s[6:])); r != '\uFFFD' {
			return r, 12
		}
	}
	return first, 6
}

func codeUnit(s string) rune {
	n, _ := strconv.ParseUint(s[2:6], 16, 16)
	return rune(n)
}

// likeEscape reports whether s begins with \% \_ or \\.
func likeEscape(s string) bool {
	return len(s) > 1 && s[0] == '\\' && strings.IndexByte(`%_\`, s[1]) >= 0
}
