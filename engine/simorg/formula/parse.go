package formula

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
)

// maxDepth bounds how deep a formula may nest.
const maxDepth = 200

// Parse reads a formula. The error says what was found where.
func Parse(source string) (*Formula, error) {
	p := &parser{src: source}
	p.next()
	root, err := p.binary(0)
	if err != nil {
		return nil, err
	}
	if p.kind != end {
		return nil, p.unexpected()
	}
	return &Formula{source, root}, nil
}

type tokenKind uint8

const (
	end tokenKind = iota
	word
	numeral
	quoted
	symbol
	broken
)

type parser struct {
	src   string
	pos   int // after the current token
	at    int // where it begins
	kind  tokenKind
	tok   string
	depth int
}

func (p *parser) unexpected() error {
	if p.kind == end {
		return fmt.Errorf("syntax error: the formula ends too early")
	}
	return fmt.Errorf("syntax error: unexpected %q at %d", p.tok, p.at+1)
}

func (p *parser) next() {
	p.skip()
	p.at = p.pos
	if p.pos >= len(p.src) {
		p.kind, p.tok = end, ""
		return
	}
	c := p.src[p.pos]
	switch {
	case c == '"' || c == '\'':
		p.quote(c)
		return
	case c >= '0' && c <= '9' || c == '.' && p.pos+1 < len(p.src) && unicode.IsDigit(rune(p.src[p.pos+1])):
		p.take(numeral, func(c byte) bool { return c >= '0' && c <= '9' || c == '.' })
	case c == '_' || c == '$' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z':
		p.take(word, func(c byte) bool {
			return c == '_' || c == '.' || c == '$' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		})
	default:
		p.operator()
	}
}

// skip passes white space and /* comments */.
func (p *parser) skip() {
	for p.pos < len(p.src) {
		if strings.HasPrefix(p.src[p.pos:], "/*") {
			if i := strings.Index(p.src[p.pos+2:], "*/"); i >= 0 {
				p.pos += i + 4
				continue
			}
			p.pos = len(p.src)
			return
		}
		if !strings.ContainsRune(" \t\r\n", rune(p.src[p.pos])) {
			return
		}
		p.pos++
	}
}

func (p *parser) take(kind tokenKind, more func(byte) bool) {
	for p.pos < len(p.src) && more(p.src[p.pos]) {
		p.pos++
	}
	p.kind, p.tok = kind, p.src[p.at:p.pos]
}

func (p *parser) operator() {
	p.kind = symbol
	for _, op := range []string{"&&", "||", "<>", "!=", "==", "<=", ">="} {
		if strings.HasPrefix(p.src[p.pos:], op) {
			p.pos += 2
			p.tok = op
			return
		}
	}
	p.tok = p.src[p.pos : p.pos+1]
	p.pos++
}

func (p *parser) quote(mark byte) {
	var b strings.Builder
	for p.pos++; p.pos < len(p.src); p.pos++ {
		switch c := p.src[p.pos]; {
		case c == '\\' && p.pos+1 < len(p.src):
			p.pos++
			b.WriteString(unescape(p.src[p.pos]))
		case c == mark:
			p.pos++
			p.kind, p.tok = quoted, b.String()
			return
		default:
			b.WriteByte(c)
		}
	}
	p.kind, p.tok = broken, p.src[p.at:]
}

func unescape(c byte) string {
	switch c {
	case 'n':
		return "\n"
	case 't':
		return "\t"
	case 'r':
		return "\r"
	case '"', '\'', '\\':
		return string(c)
	}
	return "\\" + string(c)
}

var precedence = map[string]int{
	"||": 1, "&&": 2, "=": 3, "==": 3, "<>": 3, "!=": 3, "<": 4, "<=": 4, ">": 4, ">=": 4,
	"&": 5, "+": 6, "-": 6, "*": 7, "/": 7, "^": 8,
}

func (p *parser) binary(minimum int) (node, error) {
	if p.depth++; p.depth > maxDepth {
		return nil, fmt.Errorf("the formula is nested too deeply")
	}
	defer func() { p.depth-- }()
	left, err := p.unary()
	for err == nil && p.kind == symbol {
		op := p.tok
		rank, known := precedence[op]
		if !known || rank <= minimum {
			break
		}
		p.next()
		var right node
		if right, err = p.binary(rank); err == nil {
			left = binaryNode{canonical(op), left, right}
		}
	}
	return left, err
}

func canonical(op string) string {
	switch op {
	case "==":
		return "="
	case "!=":
		return "<>"
	}
	return op
}

func (p *parser) unary() (node, error) {
	if p.kind == symbol && (p.tok == "-" || p.tok == "!" || p.tok == "+") {
		op := p.tok
		p.next()
		arg, err := p.binary(8)
		if op == "+" || err != nil {
			return arg, err
		}
		return unaryNode{op, arg}, nil
	}
	return p.primary()
}

func (p *parser) primary() (node, error) {
	tok, kind := p.tok, p.kind
	switch {
	case kind == numeral:
		n, err := strconv.ParseFloat(tok, 64)
		if err != nil {
			return nil, p.unexpected()
		}
		p.next()
		return literalNode(number(n)), nil
	case kind == quoted:
		p.next()
		return literalNode(text(tok)), nil
	case kind == symbol && tok == "(":
		p.next()
		inner, err := p.binary(0)
		if err != nil {
			return nil, err
		}
		return inner, p.expect(")")
	case kind == word:
		p.next()
		return p.name(tok)
	}
	return nil, p.unexpected()
}

func (p *parser) name(tok string) (node, error) {
	if p.kind == symbol && p.tok == "(" {
		return p.call(tok)
	}
	switch strings.ToUpper(tok) {
	case "TRUE", "FALSE":
		return literalNode(boolean(strings.EqualFold(tok, "true"))), nil
	case "NULL":
		return literalNode(Value{}), nil
	}
	return fieldNode(tok), nil
}

func (p *parser) call(name string) (node, error) {
	fn, known := functions[strings.ToUpper(name)]
	if !known {
		return nil, fmt.Errorf("unknown function %s", name)
	}
	p.next()
	var args []node
	for p.kind != symbol || p.tok != ")" {
		if len(args) > 0 {
			if err := p.expect(","); err != nil {
				return nil, err
			}
		}
		arg, err := p.binary(0)
		if err != nil {
			return nil, err
		}
		args = append(args, arg)
	}
	p.next()
	if len(args) < fn.min || fn.max >= 0 && len(args) > fn.max {
		return nil, fmt.Errorf("incorrect number of parameters for function %s: %d", strings.ToUpper(name), len(args))
	}
	return callNode{strings.ToUpper(name), fn, args}, nil
}

func (p *parser) expect(sym string) error {
	if p.kind != symbol || p.tok != sym {
		return p.unexpected()
	}
	p.next()
	return nil
}
