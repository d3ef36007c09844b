package session

import (
	"encoding/binary"

	"github.com/oklog/ulid/v2"
)

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

func (c *cursor) number() int64 {
	b := c.take(8)
	if c.short {
		return 0
	}
	return int64(binary.BigEndian.Uint64(b)) //nolint:gosec // G115: a packer wrote it from an int64
}

// id takes a ULID, of which zeros are none.
func (c *cursor) id() string {
	var parsed ulid.ULID
	copy(parsed[:], c.take(len(parsed)))
	if parsed.IsZero() {
		return ""
	}
	return parsed.String()
}

// longText takes a length of two bytes and as many bytes.
func (c *cursor) longText() string {
	n := c.take(2)
	if c.short {
		return ""
	}
	return string(c.take(int(binary.BigEndian.Uint16(n))))
}

// longTexts takes how many and as many texts; none is nil.
func (c *cursor) longTexts() []string {
	n := c.take(1)
	if c.short {
		return nil
	}
	var list []string
	for range n[0] {
		list = append(list, c.longText())
	}
	return list
}
