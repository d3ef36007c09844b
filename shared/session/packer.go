package session

import (
	"encoding/binary"
	"fmt"

	"github.com/oklog/ulid/v2"

	"github.com/tipstaff/tipstaff/shared/handle"
)

// packer writes what a cursor reads.
type packer struct {
	b   []byte
	err error
}

func (w *packer) number(n int64) { w.b = binary.BigEndian.AppendUint64(w.b, uint64(n)) } //nolint:gosec // G115: the cursor turns it back

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
	if len(s) > handle.MaxLength {
		w.err, s = ErrTooMuch, ""
	}
	w.b = binary.BigEndian.AppendUint16(w.b, uint16(len(s))) //nolint:gosec // G115: bounded above
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
