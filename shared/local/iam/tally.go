package iam

import (
	"bytes"
	"encoding/json"
	"maps"
	"strings"
)

// Tally counts the calls of a function to AWS since the wall was built.
type Tally struct {
	// Calls is the number of allowed calls by operation, such as
	// "dynamodb:TransactWriteItems". A retry of the SDK is a call.
	Calls map[string]int
	// Refused is the number of calls that the role did not allow.
	Refused int
	// ReadUnits and WriteUnits are the capacity that successful calls consumed.
	// They are zero unless [Config] has Capacity.
	ReadUnits  float64
	WriteUnits float64
}

// Total is the number of allowed calls.
func (t Tally) Total() int {
	total := 0
	for _, n := range t.Calls {
		total += n
	}
	return total
}

// Since returns the difference to an earlier tally of the same function. It has no
// operation without new calls.
func (t Tally) Since(earlier Tally) Tally {
	d := Tally{
		Calls:      map[string]int{},
		Refused:    t.Refused - earlier.Refused,
		ReadUnits:  t.ReadUnits - earlier.ReadUnits,
		WriteUnits: t.WriteUnits - earlier.WriteUnits,
	}
	for op, n := range t.Calls {
		if n -= earlier.Calls[op]; n > 0 {
			d.Calls[op] = n
		}
	}
	return d
}

// Tally returns the count of a function. It is zero for an unknown function. Two
// tallies around a request show what the request cost.
func (w *Wall) Tally(function string) Tally {
	c, ok := w.byName[function]
	if !ok {
		return Tally{}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.tally
	t.Calls = maps.Clone(t.Calls)
	return t
}

func (c *caller) count(op Operation) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tally.Calls[op.Service+":"+op.Name]++
}

func (c *caller) countRefused() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tally.Refused++
}

// askCapacity makes a DynamoDB request ask for the capacity that it consumes, unless
// the request itself asks for something. The caller has checked that the body is an
// object with members.
func askCapacity(body []byte) []byte {
	if bytes.Contains(body, []byte(`"ReturnConsumedCapacity"`)) {
		return body
	}
	object := bytes.TrimLeft(body, " \t\r\n")
	const ask = `{"ReturnConsumedCapacity":"TOTAL",`
	return append([]byte(ask), object[1:]...)
}

// consume adds the capacity that an answer reports.
func (c *caller) consume(op Operation, answer []byte) {
	var one struct {
		ConsumedCapacity struct{ CapacityUnits float64 }
	}
	units := 0.0
	if json.Unmarshal(answer, &one) == nil {
		units = one.ConsumedCapacity.CapacityUnits
	} else {
		// An operation on several tables reports each of them.
		var many struct {
			ConsumedCapacity []struct{ CapacityUnits float64 }
		}
		if json.Unmarshal(answer, &many) != nil {
			return
		}
		for _, table := range many.ConsumedCapacity {
			units += table.CapacityUnits
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if strings.Contains(op.Name, "Get") || op.Name == "Query" || op.Name == "Scan" {
		c.tally.ReadUnits += units
		return
	}
	c.tally.WriteUnits += units
}
