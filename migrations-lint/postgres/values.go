package postgres

// cutValuesAbove is the size in bytes of an INSERT above which only the first rows
// of its VALUES are parsed, and the others counted.
const cutValuesAbove = 16 << 10

// keptRows is how many rows the parser then sees.
const keptRows = 8

// cutValues blanks the rows behind the first ones of an INSERT ... VALUES list, when
// its tokens prove that it is one and no row holds a SELECT. kept is the number of
// tokens that are left, depth how deep they nest.
func (p *piece) cutValues(src string) (kept int, gauge depthGauge, ok bool) {
	l := lexer{src: src[:p.end], pos: p.start}
	t := l.next()
	for ; t.kind != tokenEnd && !l.is(t, "values"); t = l.next() {
		if l.is(t, "select") {
			return 0, gauge, false
		}
		kept++
		gauge.token(src, t)
	}
	rows, from, to := 0, 0, 0
	for {
		if t = l.next(); !l.is(t, "(") {
			return 0, gauge, false
		}
		for depth := 0; ; t = l.next() {
			switch {
			case t.kind == tokenEnd || t.kind == tokenUnterminated || t.kind == tokenMeta || l.is(t, "select"):
				return 0, gauge, false
			case l.is(t, "("):
				depth++
			case l.is(t, ")"):
				depth--
			}
			if rows < keptRows {
				kept++
				gauge.token(src, t)
			}
			if depth == 0 {
				break
			}
		}
		rows++
		if rows == keptRows {
			from = t.end
		}
		to = t.end
		if t = l.next(); !l.is(t, ",") {
			break
		}
	}
	for ; t.kind != tokenEnd; t = l.next() { // ON CONFLICT, RETURNING
		kept++
		gauge.token(src, t)
	}
	if rows > keptRows {
		p.blanks = append(p.blanks, [2]int{from, to})
	}
	p.rows = rows
	return kept, gauge, true
}
