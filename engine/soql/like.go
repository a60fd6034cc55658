package soql

import "unicode/utf8"

// likePattern is a LIKE pattern: characters, and negative runes for wildcards.
type likePattern []rune

const (
	anyRun  rune = -1 // %
	anyRune rune = -2 // _
)

// compileLike reads a pattern, folded unless case counts.
func compileLike(pattern string, exact bool) likePattern {
	var compiled likePattern
	for i := 0; i < len(pattern); {
		r, n := utf8.DecodeRuneInString(pattern[i:])
		switch {
		case likeEscape(pattern[i:]):
			r, n = rune(pattern[i+1]), 2
		case r == '%':
			r = anyRun
		case r == '_':
			r = anyRune
		case !exact:
			r = foldRune(r)
		}
		compiled = append(compiled, r)
		i += n
	}
	return compiled
}

// match walks the text once, falling back to the last % where it must.
func (p likePattern) match(s string, exact bool) bool {
	next, at := 0, 0
	star, resume := -1, 0
	for at < len(s) {
		r, n := nextFolded(s[at:])
		if exact {
			r, n = utf8.DecodeRuneInString(s[at:])
		}
		switch {
		case next < len(p) && p[next] == anyRun:
			star, resume = next, at
			next++
		case next < len(p) && (p[next] == r || p[next] == anyRune):
			next++
			at += n
		case star >= 0:
			_, n = utf8.DecodeRuneInString(s[resume:])
			resume += n
			next, at = star+1, resume
		default:
			return false
		}
	}
	for next < len(p) && p[next] == anyRun {
		next++
	}
	return next == len(p)
}
