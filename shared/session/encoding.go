package session

import (
	"encoding/binary"
	"fmt"

	"github.com/oklog/ulid/v2"

	"github.com/tipstaff/tipstaff/shared/opaque"
)

// packer writes the binary format that a cursor reads.
type packer struct {
	b   []byte
	err error
}

func (w *packer) number(n int64) { w.b = binary.BigEndian.AppendUint64(w.b, uint64(n)) } //nolint:gosec // the cursor turns it back

// id writes a ULID, zeros for none.
func (w *packer) id(id string) {
	var parsed ulid.ULID
	if id != "" {
		var err error
		if parsed, err = ulid.ParseStrict(id); err != nil && w.err == nil {
			w.err = fmt.Errorf("seal a code: %q is no id", id)
		}
	}
	w.b = append(w.b, parsed[:]...)
}

func (w *packer) text(s string) {
	if len(s) > opaque.MaxLength {
		w.err, s = ErrTooMuch, ""
	}
	w.b = binary.BigEndian.AppendUint16(w.b, uint16(len(s))) //nolint:gosec // bounded above
	w.b = append(w.b, s...)
}

func (w *packer) texts(list []string) {
	if len(list) > maxTexts {
		w.err, list = ErrTooMuch, nil
	}
	w.b = append(w.b, byte(len(list)))
	for _, s := range list {
		w.text(s)
	}
}

const maxTexts = 255

// cursor reads a payload field by field. After it has read past the end, every field
// is empty and done reports false.
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

// text reads a length of one byte, up to most, and that many bytes.
func (c *cursor) text(most int) string {
	n := c.take(1)
	if c.short || int(n[0]) > most {
		c.short = true
		return ""
	}
	return string(c.take(int(n[0])))
}

// done reports whether the fields have consumed the payload exactly.
func (c *cursor) done() bool { return !c.short && len(c.rest) == 0 }

func (c *cursor) number() int64 {
	b := c.take(8)
	if c.short {
		return 0
	}
	return int64(binary.BigEndian.Uint64(b)) //nolint:gosec // G115: a packer wrote it from an int64
}

// id reads a ULID; zeros are none, "".
func (c *cursor) id() string {
	var parsed ulid.ULID
	copy(parsed[:], c.take(len(parsed)))
	if parsed.IsZero() {
		return ""
	}
	return parsed.String()
}

// longText reads a length of two bytes and that many bytes.
func (c *cursor) longText() string {
	n := c.take(2)
	if c.short {
		return ""
	}
	return string(c.take(int(binary.BigEndian.Uint16(n))))
}

// longTexts reads a count and that many texts, nil for none.
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
