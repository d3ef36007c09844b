package dynamo_test

import (
	"maps"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tipstaff/tipstaff/shared/dynamo"
)

// plant is a value with an attribute of every type.
type plant struct {
	ID, Name string
	Leaves   int64
	Seen     time.Time
	Pressed  bool
	Print    []byte
	Tags     []string
	Sites    []site
}

type site struct {
	Place string
	Notes []string
}

func encode(p plant) dynamo.Item {
	it := dynamo.Key("plant#"+p.ID, "plant")
	it.PutText("name", p.Name)
	it["leaves"] = dynamo.Number(p.Leaves)
	it["seen"] = dynamo.Seconds(p.Seen)
	it.PutFlag("pressed", p.Pressed)
	it["print"] = dynamo.Bytes(p.Print)
	it.PutTexts("tags", p.Tags)
	dynamo.PutMaps(it, "sites", p.Sites, func(s site) dynamo.Item {
		m := dynamo.Item{"place": dynamo.Text(s.Place)}
		m.PutTexts("notes", s.Notes)
		return m
	})
	return it
}

func decode(it dynamo.Item) (plant, error) {
	r := dynamo.Reader{Item: it}
	p := plant{
		ID: r.After("pk", "plant#"), Name: r.Text("name"), Leaves: r.Number("leaves"), Seen: r.Time("seen"),
		Pressed: r.Flag("pressed"), Print: r.Bytes("print"), Tags: r.Texts("tags"),
	}
	r.Maps("sites", func(m *dynamo.Reader) {
		p.Sites = append(p.Sites, site{Place: m.Text("place"), Notes: m.Texts("notes")})
	})
	return p, r.Err()
}

func fern() plant {
	return plant{
		ID: "7", Name: "fern", Leaves: -3, Seen: time.Unix(1_800_000_000, 0).UTC(), Pressed: true,
		Print: []byte{0, 1}, Tags: []string{"green", ""}, Sites: []site{{Place: "wood", Notes: []string{"wet"}}, {Place: "wall"}},
	}
}

func TestReadsWhatWasWritten(t *testing.T) {
	want := fern()
	got, err := decode(encode(want))
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("decode(encode(%+v)) = %+v, %v, want the same", want, got, err)
	}
}

// An empty value is not written, and an absent attribute is read as empty.
func TestAbsence(t *testing.T) {
	it := dynamo.Key("plant#1", "plant")
	it.PutText("name", "")
	it.PutFlag("pressed", false)
	it.PutTexts("tags", []string{})
	dynamo.PutMaps(it, "sites", nil, func(site) dynamo.Item { return nil })
	if names := slices.Sorted(maps.Keys(it)); !slices.Equal(names, []string{"pk", "sk"}) {
		t.Errorf("the item has %v, want its key only", names)
	}
	got, err := decode(it)
	if want := (plant{ID: "1"}); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("decode(an item with a key only) = %+v, %v, want %+v", got, err, want)
	}
	if name, leaves := it.Text("name"), it.Number("leaves"); name != "" || leaves != 0 {
		t.Errorf("Text, Number of absent attributes = %q, %d, want neither", name, leaves)
	}
	r := dynamo.Reader{Item: dynamo.Item{"tags": dynamo.Texts(nil), "seen": dynamo.Seconds(time.Unix(0, 0))}}
	if tags, seen := r.Texts("tags"), r.Time("seen"); tags != nil || !seen.IsZero() || r.Err() != nil {
		t.Errorf("Texts of an empty list, Time of the epoch = %#v, %v, %v, want nil and no time", tags, seen, r.Err())
	}
}

// An attribute of the wrong type is an error that names the attribute.
func TestWrongType(t *testing.T) {
	null := &types.AttributeValueMemberNULL{Value: true}
	list := func(v ...types.AttributeValue) types.AttributeValue { return &types.AttributeValueMemberL{Value: v} }
	tests := []struct {
		name, attribute string
		value           types.AttributeValue
		want            string // the attribute that is wrong
	}{
		{name: "text", attribute: "name", value: dynamo.Number(1), want: "attribute name"},
		{name: "null is not absent", attribute: "name", value: null, want: "attribute name"},
		{name: "another prefix", attribute: "pk", value: dynamo.Text("animal#7"), want: "attribute pk"},
		{name: "number", attribute: "leaves", value: dynamo.Text("3"), want: "attribute leaves"},
		{name: "fraction", attribute: "leaves", value: &types.AttributeValueMemberN{Value: "1.5"}, want: "attribute leaves"},
		{name: "too large", attribute: "leaves", value: &types.AttributeValueMemberN{Value: "9223372036854775808"}, want: "attribute leaves"},
		{name: "time", attribute: "seen", value: dynamo.Text("2026-11-22"), want: "attribute seen"},
		{name: "flag", attribute: "pressed", value: dynamo.Text("true"), want: "attribute pressed"},
		{name: "bytes", attribute: "print", value: dynamo.Text("AAE="), want: "attribute print"},
		{name: "set for a list", attribute: "tags", value: &types.AttributeValueMemberSS{Value: []string{"a"}}, want: "attribute tags"},
		{name: "number among texts", attribute: "tags", value: list(dynamo.Text("a"), dynamo.Number(1)), want: "attribute tags"},
		{name: "maps", attribute: "sites", value: dynamo.Text("wood"), want: "attribute sites"},
		{name: "text among maps", attribute: "sites", value: list(dynamo.Text("wood")), want: "attribute sites"},
		{
			name: "inside a map", attribute: "sites",
			value: list(&types.AttributeValueMemberM{Value: dynamo.Item{"place": dynamo.Flag(true)}}),
			want:  "sites: attribute place",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			it := encode(fern())
			it[tt.attribute] = tt.value
			want := tt.want + " is not what it should be"
			if p, err := decode(it); err == nil || err.Error() != want {
				t.Errorf("decode = %+v, %v, want the error %q", p, err, want)
			}
		})
	}
}

// A required prefix is an error in an item without the attribute, too.
func TestAfterAbsent(t *testing.T) {
	var r dynamo.Reader
	if rest := r.After("pk", "plant#"); rest != "" || r.Err() == nil {
		t.Errorf("After = %q, %v, want an error", rest, r.Err())
	}
}

func TestKeepsFirstError(t *testing.T) {
	r := dynamo.Reader{Item: dynamo.Item{"a": dynamo.Number(1), "b": dynamo.Number(2)}}
	r.Text("a")
	first := r.Err()
	r.Text("b")
	r.Fail("c")
	if err := r.Err(); err == nil || err.Error() != first.Error() {
		t.Errorf("Err = %v, want the first one, %v", err, first)
	}
}

// Text and Number of an item treat an attribute of the wrong type as absent.
func TestItemTreatsAWrongTypeAsAbsent(t *testing.T) {
	it := dynamo.Item{"text": dynamo.Text("a"), "number": dynamo.Number(7), "fraction": &types.AttributeValueMemberN{Value: "1.5"}}
	if got, wrong := it.Text("text"), it.Text("number"); got != "a" || wrong != "" {
		t.Errorf(`Text = %q, of a number %q, want "a" and nothing`, got, wrong)
	}
	if got, wrong, fraction := it.Number("number"), it.Number("text"), it.Number("fraction"); got != 7 || wrong != 0 || fraction != 0 {
		t.Errorf("Number = %d, of a text %d, of a fraction %d, want 7 and nothing", got, wrong, fraction)
	}
}

func TestTimesAreSecondsAndMillis(t *testing.T) {
	at := time.Unix(1_800_000_000, 123_456_789)
	it := dynamo.Item{"seconds": dynamo.Seconds(at), "millis": dynamo.Millis(at)}
	if s, ms := it.Number("seconds"), it.Number("millis"); s != 1_800_000_000 || ms != 1_800_000_000_123 {
		t.Errorf("Seconds, Millis = %d, %d, want %d and %d", s, ms, at.Unix(), at.UnixMilli())
	}
}

func TestNamesAreEscaped(t *testing.T) {
	want := map[string]string{"#name": "name", "#state": "state"}
	if got := dynamo.Names("name", "state"); !maps.Equal(got, want) {
		t.Errorf("Names = %v, want %v", got, want)
	}
}

// Every request reads an item, so reading an attribute that is no list does not
// allocate.
func TestReaderAllocatesNothing(t *testing.T) {
	it := encode(fern())
	n := testing.AllocsPerRun(100, func() {
		r := dynamo.Reader{Item: it}
		r.After("pk", "plant#")
		r.Text("name")
		r.Number("leaves")
		r.Time("seen")
		r.Flag("pressed")
		r.Bytes("print")
		if r.Err() != nil {
			t.Fatal(r.Err())
		}
	})
	if n != 0 {
		t.Errorf("reading an item allocates %v times, want 0", n)
	}
}
