package session

// cursor takes a payload apart. After it has run over the end, everything it
// gives is empty and done is false.
type cursor struct {
	rest  []byte
	short bool
}

func (c *cursor) take(n int) []byte {
	if c.short || len(c.rest) < n {
		c.short = true
		return nil
	}
	head := c.rest[:n]
	c.rest = c.rest[n:]
	return head
}

// text takes a length and as many bytes.
func (c *cursor) text(most int) string {
	n := c.take(1)
	if c.short || int(n[0]) > most {
		c.short = true
		return ""
	}
	return string(c.take(int(n[0])))
}

// done reports whether the payload was there to its last byte and not longer.
func (c *cursor) done() bool { return !c.short && len(c.rest) == 0 }
