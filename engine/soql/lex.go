package soql

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

type tokenKind int

const (
	tokenEOF tokenKind = iota
	tokenWord
	tokenString
	tokenNumber
	tokenDate
	tokenDateTime
	tokenTime
	tokenSymbol
)

// token is one word of the source, as written there.
type token struct {
	kind tokenKind
	text string
	pos  int
	end  int
}

// is reports whether the token is that keyword or symbol.
func (t token) is(word string) bool {
	return (t.kind == tokenWord || t.kind == tokenSymbol) && strings.EqualFold(t.text, word)
}

// maxStringLiteral is the platform's bound on one literal of a WHERE.
const maxStringLiteral = 4000

type lexer struct {
	src string
	pos int
}

// lex splits the whole source; the last token is always tokenEOF.
func lex(src string) ([]token, error) {
	l := &lexer{src: src}
	tokens := make([]token, 0, len(src)/5+2)
	for {
		t, err := l.next()
		if err != nil {
			return nil, err
		}
		tokens = append(tokens, t)
		if t.kind == tokenEOF {
			return tokens, nil
		}
	}
}

func (l *lexer) next() (token, error) {
	l.pos += len(l.src[l.pos:]) - len(strings.TrimLeft(l.src[l.pos:], " \t\r\n\f"))
	if l.pos == len(l.src) {
		return token{kind: tokenEOF, text: "<EOF>", pos: l.pos, end: l.pos}, nil
	}
	switch c := l.src[l.pos]; {
	case isLetter(c):
		return l.take(tokenWord, l.wordLength()), nil
	case c == '\'':
		return l.quoted()
	case isDigit(c), c == '.' && l.digitAt(1), c == '-' || c == '+':
		return l.numeric()
	}
	for _, symbol := range []string{"!=", "<>", "<=", ">=", "<", ">", "=", "(", ")", ",", ".", ":"} {
		if strings.HasPrefix(l.src[l.pos:], symbol) {
			return l.take(tokenSymbol, len(symbol)), nil
		}
	}
	return token{}, l.strange(l.pos)
}

// strange refuses the character at an offset.
func (l *lexer) strange(at int) error {
	return lexError(l.src, at, fmt.Sprintf("no viable alternative at character '%s'", firstRune(l.src[at:])))
}

func (l *lexer) take(kind tokenKind, length int) token {
	t := token{kind: kind, text: l.src[l.pos : l.pos+length], pos: l.pos, end: l.pos + length}
	l.pos = t.end
	return t
}

// wordLength measures a name. A currency's fraction (USD1.50) belongs to it: no
// other name has a digit after its dot.
func (l *lexer) wordLength() int {
	rest := l.src[l.pos:]
	n := span(rest, func(c byte) bool { return isLetter(c) || isDigit(c) || c == '_' })
	if isCurrency(rest[:n]) && n+1 < len(rest) && rest[n] == '.' && isDigit(rest[n+1]) {
		n += 1 + span(rest[n+1:], isDigit)
	}
	return n
}

// numeric reads a number, a date, a datetime or a time: what its shape says.
func (l *lexer) numeric() (token, error) {
	rest := l.src[l.pos:]
	switch {
	case shaped(rest, "dddd-dd-ddT"):
		n := 11 + span(rest[11:], func(c byte) bool { return isDigit(c) || c == ':' || c == '.' })
		return l.take(tokenDateTime, n+zoneLength(rest[n:])), nil
	case shaped(rest, "dddd-dd-dd"):
		return l.take(tokenDate, 10), nil
	case shaped(rest, "dd:dd"):
		n := span(rest, func(c byte) bool { return isDigit(c) || c == ':' || c == '.' })
		return l.take(tokenTime, n+zoneLength(rest[n:])), nil
	}
	n := span(rest[:1], func(c byte) bool { return c == '-' || c == '+' })
	digits := span(rest[n:], isDigit)
	n += digits
	if n+1 < len(rest) && rest[n] == '.' && isDigit(rest[n+1]) {
		digits += span(rest[n+1:], isDigit)
		n += 1 + span(rest[n+1:], isDigit)
	}
	if digits > 0 {
		n += exponentLength(rest[n:])
	}
	if digits == 0 || n < len(rest) && (isLetter(rest[n]) || rest[n] == '_') {
		return token{}, l.strange(l.pos + n)
	}
	return l.take(tokenNumber, n), nil
}

// exponentLength measures e3, E+03 or e-3.
func exponentLength(s string) int {
	if s == "" || s[0]&^0x20 != 'E' {
		return 0
	}
	n := 1
	if len(s) > 1 && (s[1] == '-' || s[1] == '+') {
		n++
	}
	digits := span(s[n:], isDigit)
	if digits == 0 {
		return 0
	}
	return n + digits
}

// quoted finds the end of a string in single quotes and checks its escapes;
// unquote resolves them later, for what they mean depends on the operator.
func (l *lexer) quoted() (token, error) {
	for i := l.pos + 1; i < len(l.src); i++ {
		switch l.src[i] {
		case '\'':
			if i-l.pos > maxStringLiteral && utf8.RuneCountInString(l.src[l.pos:i]) > maxStringLiteral {
				return token{}, ErrorAt(l.src, Pos(l.pos), CodeMalformed,
					fmt.Sprintf("string literal is longer than %d characters", maxStringLiteral))
			}
			return l.take(tokenString, i+1-l.pos), nil
		case '\\':
			if i+1 < len(l.src) && escapeLength(l.src[i:]) == 0 {
				return token{}, ErrorAt(l.src, Pos(i), CodeMalformed,
					fmt.Sprintf(`Illegal character sequence '\%s' in string literal.`, firstRune(l.src[i+1:])))
			}
			i++
		}
	}
	return token{}, lexError(l.src, len(l.src), "mismatched character '<EOF>' expecting '''")
}

func (l *lexer) digitAt(ahead int) bool {
	return l.pos+ahead < len(l.src) && isDigit(l.src[l.pos+ahead])
}

// zoneLength measures Z, +02:00 or -0700.
func zoneLength(s string) int {
	switch {
	case s != "" && (s[0] == 'Z' || s[0] == 'z'):
		return 1
	case s == "" || s[0] != '+' && s[0] != '-':
		return 0
	case shaped(s[1:], "dd:dd"):
		return 6
	case shaped(s[1:], "dddd"):
		return 5
	}
	return 0
}

// shaped reports whether s begins like the pattern, in which d is a digit.
func shaped(s, pattern string) bool {
	if len(s) < len(pattern) {
		return false
	}
	for i := range len(pattern) {
		if pattern[i] == 'd' && !isDigit(s[i]) || pattern[i] != 'd' && s[i]&^0x20 != pattern[i]&^0x20 {
			return false
		}
	}
	return true
}

// isCurrency recognises USD5000: an ISO code and digits.
func isCurrency(word string) bool {
	return len(word) > 3 && span(word, isLetter) == 3 && span(word[3:], isDigit) == len(word)-3
}

func span(s string, in func(byte) bool) int {
	n := 0
	for n < len(s) && in(s[n]) {
		n++
	}
	return n
}

// firstRune shows the character that s begins with.
func firstRune(s string) string {
	r, _ := utf8.DecodeRuneInString(s)
	switch {
	case s == "":
		return "<EOF>"
	case unicode.IsPrint(r):
		return string(r)
	}
	return fmt.Sprintf("%U", r)
}

func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }
func isDigit(c byte) bool  { return c >= '0' && c <= '9' }
