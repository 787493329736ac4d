package postgres

// depthGauge estimates from the tokens of a statement how deep its syntax tree can
// become: the parser and the encoder of its tree recurse without a guard, and a
// chain of 100,000 operators would end the process.
type depthGauge struct {
	stack []level // one per open parenthesis; the statement's own level is own
	own   level
	sum   int // of all levels
	max   int
	dot   bool // the last token was one: a key word behind it is a name
}

// level counts what can nest at one level of parentheses. A comma or a key word
// that starts a sibling takes the operators back, END a CASE, and nothing the joins
// and unions.
type level struct{ operators, chains, cases int }

func (g *depthGauge) token(src string, t token) {
	top := &g.own
	if n := len(g.stack); n > 0 {
		top = &g.stack[n-1]
	}
	name := g.dot
	g.dot = t.kind == tokenPunctuation && src[t.start] == '.'
	switch t.kind {
	case tokenOperator:
		// "+++" may be three of them; the parser's scanner takes long ones apart in
		// more than quadratic time.
		top.operators += t.end - t.start
		g.sum += t.end - t.start
	case tokenPunctuation:
		switch src[t.start] {
		case '(', '[':
			g.stack = append(g.stack, level{operators: 1})
			g.sum++
		case ')', ']':
			if n := len(g.stack); n > 0 {
				g.sum -= top.operators + top.chains + top.cases
				g.stack = g.stack[:n-1]
			}
		case ',', ';':
			g.sum -= top.operators
			top.operators = 0
		}
	case tokenWord:
		l := lexer{src: src}
		switch n := t.end - t.start; {
		case n > 9 || n < 2 || name:
		case l.is(t, "and", "or", "then", "else", "when", "select", "from", "where"):
			g.sum -= top.operators
			top.operators = 0
		case l.is(t, "join", "union", "intersect", "except"):
			top.chains++
			g.sum++
		case l.is(t, "case"):
			top.cases++
			g.sum++
		case l.is(t, "end"):
			if top.cases > 0 {
				top.cases--
				g.sum--
			}
		case l.is(t, "not", "is", "isnull", "notnull", "in", "like", "ilike", "similar", "between", "at", "collate", "operator"):
			top.operators++
			g.sum++
		}
	}
	g.max = max(g.max, g.sum)
}

// tooLarge tells why a text that no splitter has measured must not be given to the parser.
func tooLarge(text string) *Problem {
	var gauge depthGauge
	l := lexer{src: text}
	n := 0
	for t := l.next(); t.kind != tokenEnd; t = l.next() {
		gauge.token(text, t)
		n++
	}
	return gauge.problem(n)
}

// problem compares what was measured with the limits.
func (g *depthGauge) problem(tokens int) *Problem {
	switch {
	case tokens > MaxStatementTokens:
		return &Problem{Kind: TooLarge, Reason: "the statement has more than 300,000 tokens"}
	case g.max > MaxDepth:
		return &Problem{Kind: TooLarge, Reason: "the statement is nested more than 1,000 levels deep"}
	}
	return nil
}
